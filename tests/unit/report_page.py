"""A report, written and taken apart."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from genoglot.report.page import write_report

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Text outside scripts and styles, links, what the browser would load, figure data, and ids."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.links, self.loads, self.scripts, self.ids = [], [], [], [], {}, []
        self.badges = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append((tag, attributes))
        if tag == "a":
            self.links.append(attributes["href"])
        elif "href" in attributes or "src" in attributes:
            self.loads.append(attributes.get("src") or attributes["href"])
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if "badge" in attributes.get("class", "").split():
            self.badges.append(attributes["class"].split()[-1])

    def handle_endtag(self, tag):
        assert self.open[-1][0] == tag, f"</{tag}> closes <{self.open[-1][0]}>"
        self.open.pop()

    def handle_data(self, data):
        tag, attributes = self.open[-1] if self.open else ("", {})
        if tag == "script":
            key = attributes.get("id", len(self.scripts))
            self.scripts[key] = self.scripts.get(key, "") + data
        elif tag != "style":
            self.text.append(data)

    @property
    def words(self):
        return " ".join(" ".join(self.text).split())

    def figure(self, name):
        return json.loads(self.scripts[f"data-{name}"])


def report(folder: Path, manifest: dict[str, Any]) -> Page:
    """The page that is written of a manifest."""
    html = folder / "results" / "report.html"
    write_report(html, manifest)
    return Page(html.read_text(encoding="utf-8"))
