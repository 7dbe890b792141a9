"""What workers share with the main interpreter: its state, output and its answers.

`state` collects what workers follow and applies it there; `change_counter` counts what
has no events of its own. `logging`, `output` and `warnings` carry what workers log,
print and warn of to the main interpreter. `requests` answers what a worker asks, source
lines (`source_lines`) among it.
"""
