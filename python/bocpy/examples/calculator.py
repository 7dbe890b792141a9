"""A calculator at the other end of a message.

One behavior is the server: it waits for questions, keeps the stored variables, and
answers each question to the tag that the question names. It blocks while no question
comes; even with a single worker other behaviors run meanwhile.

    python -m bocpy.examples.calculator "x = 6 * 7" "x / 4"
"""

from __future__ import annotations

import ast
import operator
import sys
from collections.abc import Callable
from typing import Any

from bocpy import receive, send, wait, when
from bocpy.examples._command import begin, parser, run_program

Number = int | float

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
#: The questions if the command line has none, and the expected answers.
QUESTIONS = {
    "1 + 2 * 3": "7",
    "(1 + 2) * 3": "9",
    "x = 6 * 7": "x = 42",
    "x / 4": "10.5",
    "-x // 5 % 4": "3",
    "y": "there is no y",
    "1 / 0": "division by zero",
    "2 +": "that is no formula",
}


def evaluate(node: ast.AST, memory: dict[str, Number]) -> Number:
    """The value of a formula; ValueError if the text is not a formula."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.Name):
        if node.id not in memory:
            raise ValueError(f"there is no {node.id}")
        return memory[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in BINARY:
        left, right = evaluate(node.left, memory), evaluate(node.right, memory)
        return BINARY[type(node.op)](left, right)  # type: ignore[no-any-return]
    if isinstance(node, ast.UnaryOp) and type(node.op) in UNARY:
        value = evaluate(node.operand, memory)
        return UNARY[type(node.op)](value)  # type: ignore[no-any-return]
    raise ValueError("that is no formula")


def answer(question: str, memory: dict[str, Number]) -> str:
    """The answer to `formula` or `name = formula`, as text."""
    name, equals, formula = question.rpartition("=")
    try:
        value = evaluate(ast.parse(formula.strip(), mode="eval").body, memory)
    except SyntaxError:
        return "that is no formula"
    except (ValueError, ArithmeticError, RecursionError) as error:
        return str(error)
    if not equals:
        return str(value)
    if not name.strip().isidentifier():
        return f"{name.strip()!r} is no name"
    memory[name.strip()] = value
    return f"{name.strip()} = {value}"


def serve() -> None:
    """Schedules the server, which ends when it gets the message to stop."""

    @when()
    def _() -> None:
        memory: dict[str, Number] = {}
        while True:
            tag, contents = receive(["calculate", "enough"])
            if tag == "enough":
                break
            question, reply = contents
            send(reply, answer(question, memory))


def ask(question: str) -> str:
    """Sends a question and waits for the calculator's answer."""
    send("calculate", (question, "answer"))
    return str(receive("answer")[1])


def main(arguments: list[str] | None = None) -> int:
    """Asks the calculator; returns the exit code."""
    line = parser(__doc__)
    line.add_argument("question", nargs="*", help='"-" reads them, a line each')
    options = line.parse_args(arguments)
    begin(options)
    serve()
    asked = options.question or list(QUESTIONS)
    if asked == ["-"]:
        asked = [each.strip() for each in sys.stdin if each.strip()]
    right = True
    for question in asked:
        got = ask(question)
        print(f"{question}  ->  {got}")
        right = right and (bool(options.question) or got == QUESTIONS[question])
    send("enough", None)
    wait()
    return 0 if right else 1


if __name__ == "__main__":
    run_program(main)
