"""The documentation as a book: it is built without a warning, has every page, its search finds them, and every link in it leads somewhere."""

import json
import os
import re
import shlex
import shutil
import subprocess
import threading
import tomllib
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

import pytest

from conftest import OPENAPI, ROOT, VENV

DOCS = ROOT / "docs"
FILES = "https://example.com/owner/repository/blob/main"
FILES_VARIABLE = "MDBOOK_PREPROCESSOR__REPOSITORY_LINKS__FILES"
# What is in an address of a page of mdBook's own and not of ours.
NOT_OURS = {"404.html", "toc.html", "print.html"}


def book_links():
    """The preprocessor, as a module."""
    loader = SourceFileLoader("book_links", str(ROOT / "tools/book-links"))
    module = module_from_spec(spec_from_loader("book_links", loader))
    loader.exec_module(module)
    return module


class Page(HTMLParser):
    """What can be linked to in a page of HTML, what it links to, its headings, and its pictures without a text."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.headings, self.mute = set(), set(), [], []
        self._heading = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        if "id" in named:
            self.ids.add(named["id"])
        self.links |= {named[name] for name in ("href", "src") if named.get(name) is not None}
        if re.fullmatch("h[1-6]", tag) and "id" in named:
            self._heading = [named["id"], ""]
        if tag == "img" and not named.get("alt"):
            self.mute.append(named.get("src"))

    def handle_endtag(self, tag):
        if re.fullmatch("h[1-6]", tag) and self._heading:
            self.headings.append(self._heading)
            self._heading = None

    def handle_data(self, data):
        if self._heading:
            self._heading[1] += data


class Silent(SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def log_message(self, *_):
        pass


class Book:
    """A book that was built."""

    def __init__(self, folder: Path, **variables: str):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MDBOOK_")} | variables
        built = subprocess.run(
            [VENV / "mdbook", "build", DOCS, "--dest-dir", folder], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120)
        self.said, self.succeeded, self.folder = built.stdout, built.returncode == 0, folder
        pages = [path for path in folder.rglob("*.html") if path.name not in NOT_OURS]
        self.pages = {path.relative_to(folder).as_posix(): Page(path.read_text()) for path in pages}

    def links(self) -> list[tuple[str, str]]:
        return [(name, link) for name, page in sorted(self.pages.items()) for link in sorted(page.links)]

    def broken(self) -> list[str]:
        """Links of pages to what is neither in the book nor in the working copy."""
        found = []
        for name, link in self.links():
            if link.startswith("file://") and not Path(unquote(link).removeprefix("file://").partition("#")[0]).exists():
                found.append(f"{name}: {link}")
            if re.match("[a-z]+:", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            reached = os.path.normpath(PurePosixPath(name).parent / path) if path else name
            page = self.pages.get(reached)
            if reached.startswith("..") or not (self.folder / reached).is_file() or (anchor and page and anchor not in page.ids):
                found.append(f"{name}: {link}")
        return found


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    return Book(tmp_path_factory.mktemp("book") / "local")


def of(page: Path) -> str:
    """The page of the book that a file in docs/ becomes."""
    path = page.relative_to(DOCS).with_suffix(".html")
    return (path.with_name("index.html") if page.name == "README.md" else path).as_posix()


def written() -> list[Path]:
    return [path for path in sorted(DOCS.rglob("*.md")) if path.name != "SUMMARY.md"]


def test_the_book_is_built_without_a_warning(book):
    assert book.succeeded and "HTML book written" in book.said, book.said
    assert not re.search("WARN|ERROR", book.said), book.said


def test_every_page_is_in_the_table_of_contents_and_in_the_search_index(book):
    assert {of(page) for page in written()} == set(book.pages)
    [index] = book.folder.glob("searchindex-*.js")
    indexed = json.loads(re.search(r"JSON\.parse\('(.*)'\)", index.read_text(), re.DOTALL)[1].replace("\\'", "'").replace("\\\\", "\\"))
    assert {url.partition("#")[0] for url in indexed["doc_urls"]} == set(book.pages)


def test_the_search_of_the_book_finds_a_section_in_a_browser(book):
    handler = partial(Silent, directory=book.folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        shown = subprocess.run(
            [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=20000", "--dump-dom",
             f"http://127.0.0.1:{server.server_port}/index.html?search=watermark"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=120, check=True).stdout
        server.shutdown()
    assert re.search(r'<a href="operations\.html\?highlight=watermark#data-that-vanishes"', shown)


def test_every_link_within_the_book_and_to_files_beside_it_leads_somewhere(book):
    assert len(book.links()) > 1000 and book.broken() == []


def test_a_link_that_leads_nowhere_is_found(book, tmp_path):
    page = book.folder / "errors.html"
    whole = page.read_text()
    for link in ["missing.html", "http-api.html#missing", "#missing", "../index.html", f"{ROOT.as_uri()}/missing"]:
        book.pages["errors.html"] = Page(whole + f'<a href="{link}">x</a>')
        assert book.broken() == [f"errors.html: {link}"]
    book.pages["errors.html"] = Page(whole)


def test_links_out_of_docs_lead_to_the_repository_that_is_named(tmp_path):
    book = Book(tmp_path / "book", **{FILES_VARIABLE: FILES + "/"})
    assert book.succeeded, book.said
    out = [link.removeprefix(FILES + "/").partition("#")[0] for _, link in book.links() if link.startswith(FILES)]
    assert len(out) > 20 and [path for path in out if not (ROOT / path).exists()] == []
    assert [link for _, link in book.links() if link.startswith("file:")] == [] and book.broken() == []


def test_an_anchor_is_the_same_in_the_book_and_on_the_host_of_the_repository(book):
    for name, page in book.pages.items():
        for anchor, text in page.headings:
            slug = re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-")
            assert re.fullmatch(re.escape(slug) + r"(-\d+)?", anchor), f"{name}: {text}"


def test_links_to_sections_of_the_docs_from_files_beside_them_lead_somewhere(book):
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    broken, found = [], 0
    for name in tracked:
        for target in re.findall(r"\]\(([^)\s:]+\.md)#([^)\s]+)\)", (ROOT / name).read_text()):
            page = Path(os.path.normpath((ROOT / name).parent / target[0]))
            if page.is_relative_to(DOCS) and not (ROOT / name).is_relative_to(DOCS):
                found += 1
                broken += [] if target[1] in book.pages[of(page)].ids else [f"{name}: {target}"]
    assert found > 20 and broken == []


def test_decisions_are_listed_under_their_titles():
    contents, listing = (DOCS / "SUMMARY.md").read_text(), (DOCS / "adr/README.md").read_text()
    for page in sorted((DOCS / "adr").glob("0*.md")):
        number, title = re.match(r"# (\d+)\. (.*)", page.read_text()).groups()
        assert int(number) == int(page.name[:4])
        assert f"  - [{number}. {title}](adr/{page.name})\n" in contents and f"| {number} | [{title}]({page.name}) |\n" in listing, page.name


def test_every_picture_has_a_text_and_every_drawing_a_title(book):
    assert [(name, page.mute) for name, page in book.pages.items() if page.mute] == []
    for drawing in (DOCS / "images").glob("*.svg"):
        assert re.search(r"<title[ >].*<desc[ >]", drawing.read_text(), re.DOTALL), drawing.name


def test_every_error_code_of_the_document_is_explained():
    codes = re.findall(r"`([a-z_]+)`", (DOCS / "errors.md").read_text())
    document = json.loads((OPENAPI / "openapi.json").read_text())
    listed = document["components"]["schemas"]["ErrorResponse"]["properties"]["code"]["description"].partition(": ")[2]
    wanted = set(re.findall(r"[a-z_]+", listed)) - {"or"}
    assert len(wanted) >= 20 and wanted <= set(codes), wanted - set(codes)


def test_the_containers_of_the_readme_fit_the_image_and_the_versions_the_workspace():
    image, readme = (ROOT / "Dockerfile").read_text(), (ROOT / "README.md").read_text()
    [run] = re.findall(r"^docker run ((?:[^\\\n]|\\\n)*)", readme, re.MULTILINE)
    words = shlex.split(run.replace("\\\n", " "))
    options = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
    address, host, container = options["--publish"].split(":")
    assert (address, host, container) == ("127.0.0.1", "8080", "8080") and f"EXPOSE {container}" in image
    folder = options["--volume"].partition(":")[2]
    assert f'"--data-dir", "{folder}"' in image and f"--chown=65532:65532 /out{folder} {folder}" in image and "USER 65532:65532" in image
    name, _, value = options["--env"].partition("=")
    assert value == "true" and f"ENV {name}=false" in image
    assert f"docker build --tag {words[-1]} ." in readme
    rust = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    for page in readme, (DOCS / "first-steps.md").read_text():
        assert f"Rust {rust} or newer" in page


@pytest.mark.parametrize("text, expected", [
    ("[a](../x.md#y) and [b](other.md) and [c](#d)", "[a](F/x.md#y) and [b](other.md) and [c](#d)"),
    ("![p](../p.png \"t\")", "![p](F/p.png \"t\")"),
    ("`[a](../x.md)` [a](../x)", "`[a](../x.md)` [a](F/x)"),
    ("```sh\n[a](../x)\n```\n[a](../x)\n\n```\n[b](../y)\n```", "```sh\n[a](../x)\n```\n[a](F/x)\n\n```\n[b](../y)\n```"),
    ("[a]: ../x.md\n[b]: y.md", "[a]: F/x.md\n[b]: y.md"),
    ("[a](b/README.md#c) [d](README.md) [e](../README.md)", "[a](b/index.md#c) [d](index.md) [e](F/README.md)"),
    ("[a](https://a.example/../x) [b](mailto:a@b)", "[a](https://a.example/../x) [b](mailto:a@b)"),
])
def test_links_are_rewritten_only_where_the_book_differs(text, expected):
    assert book_links().rewritten(text, PurePosixPath("page.md"), "F") == expected


def test_links_of_a_page_in_a_folder_are_read_from_there():
    links = book_links()
    assert links.rewritten("[a](../b.md) [c](../../d.md)", PurePosixPath("adr/1.md"), "F") == "[a](../b.md) [c](F/d.md)"
