"""A counter behind FastAPI: each request awaits its own cowns, on one event loop.

uvicorn --app-dir examples/web fastapi_app:app

GET  /            the visits of all pages
POST /visit/NAME  counts a visit of the page NAME
"""

from bocpy import Cown, gather, when
from fastapi import FastAPI, HTTPException

app = FastAPI()

PAGES = {name: Cown(0) for name in ("home", "about", "news")}


def count(page):
    page.value += 1
    return page.value


@app.post("/visit/{name}")
async def visit(name: str):
    if name not in PAGES:
        raise HTTPException(404, f"no page {name!r}")
    return {"page": name, "visits": await when(PAGES[name])(count)}


@app.get("/")
async def visits():
    return dict(zip(PAGES, await gather(*PAGES.values()), strict=True))
