"""A counter behind Flask: each request is a behavior, and waits for its own cowns only.

    flask --app examples/web/flask_app run

    GET  /            the visits of all pages
    POST /visit/NAME  counts a visit of the page NAME

Flask serves each request on a thread of its own, so a handler may wait with result().
Views are imported as a module, whatever runs them: behaviors find the names they use.
"""

from bocpy import Cown, gather, when
from flask import Flask, jsonify

app = Flask(__name__)

PAGES = {name: Cown(0) for name in ("home", "about", "news")}


def count(page):
    page.value += 1
    return page.value


@app.post("/visit/<name>")
def visit(name):
    if name not in PAGES:
        return jsonify(error=f"no page {name!r}"), 404
    return jsonify(page=name, visits=when(PAGES[name])(count).result(timeout=10))


@app.get("/")
def visits():
    return jsonify(
        dict(zip(PAGES, gather(*PAGES.values()).result(timeout=10), strict=True))
    )
