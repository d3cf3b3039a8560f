"""Checks the built book: every link, image, style and anchor leads somewhere; nothing needs the
network to be shown; no include, formula or reference was left unresolved."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

BUILD = Path(__file__).parent / "build"
SOURCES = Path(__file__).parent / "src"
LOADED = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("object", "data")}


class Page(HTMLParser):
    """Anchors and targets of one page, and its text outside of code."""

    def __init__(self):
        super().__init__()
        self.anchors, self.targets, self.text, self.code = set(), [], [], 0

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.anchors.add(attrs["id"])
        for name in ("href", "src", "data"):
            if attrs.get(name):
                self.targets.append((tag, name, attrs[name]))
        self.code += tag in ("code", "pre", "script", "style")

    def handle_endtag(self, tag):
        self.code -= tag in ("code", "pre", "script", "style")

    def handle_data(self, data):
        if not self.code:
            self.text.append(data)


def read(path):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def main():
    pages = {path.resolve(): read(path) for path in BUILD.rglob("*.html")}
    if not pages:
        sys.exit("no pages: build the book first")
    faults = []
    for path, page in pages.items():
        where = path.relative_to(BUILD.resolve())
        if where.name == "toc.html":  # A frame for readers without scripts, links go to the parent.
            continue
        for tag, attribute, target in page.targets:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https") or target.startswith("//"):
                if (tag, attribute) in LOADED:
                    faults.append(f"{where}: needs the network for {target}")
                continue
            if parts.scheme in ("mailto", "data", "javascript"):
                continue
            goal = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if goal.is_dir():
                goal = goal / "index.html"
            # The page for lost readers names everything from the site's root.
            if where.name == "404.html":
                continue
            if not goal.exists():
                faults.append(f"{where}: dead link {target}")
            elif parts.fragment and goal in pages:
                if unquote(parts.fragment) not in pages[goal].anchors and where.name != "print.html":
                    faults.append(f"{where}: no such place {target}")
        source = path.read_text(encoding="utf-8")
        if "{{#" in source:
            faults.append(f"{where}: an include that was not resolved")
        if 'class="playground"' in source:
            faults.append(f"{where}: a code block with a run button, which needs the network")
        text = "".join(page.text)
        for pattern, what in [
            (r"\\\\?[(\[]", "a formula that was not rendered"),
            (r"\]\[[^\]]*\]", "an undefined reference"),
            (r"\bTODO\b|\bTBD\b", "an unfinished place"),
        ]:
            for found in re.finditer(pattern, text):
                near = " ".join(text[max(0, found.start() - 40) : found.end() + 30].split())
                faults.append(f"{where}: {what}: …{near}…")
    listed = set(re.findall(r"\(([^)]+\.md)\)", (SOURCES / "SUMMARY.md").read_text(encoding="utf-8")))
    for source in SOURCES.rglob("*.md"):
        name = source.relative_to(SOURCES).as_posix()
        if name != "SUMMARY.md" and name not in listed:
            faults.append(f"src/{name}: not in SUMMARY.md")
    if faults:
        print("\n".join(sorted(set(faults))), file=sys.stderr)
        sys.exit(f"{len(set(faults))} fault(s) in the book")
    print(f"book: {len(pages)} pages, no dead link, no undefined reference")


if __name__ == "__main__":
    main()
