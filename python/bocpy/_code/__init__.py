"""Reading code objects: the names that a function reaches, and what it does with them.

`names` lists the names, `uses` follows the instructions with a simulated stack, and
`changes` tells from that which variables the code changes in place.
"""
