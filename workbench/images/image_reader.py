"""Images that the rows of a dataset name, read, checked and known by their content's digest.

photos/a.png            ->  Image("sha256:1a2b…", media_type="image/png", size=34_120)
data:image/png;base64,… ->  the same, if its content is the same
https://a.org/b.png     ->  Image("https://a.org/b.png"): the server fetches it
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from workbench.canonical import digest
from workbench.conversation import FILE_SCHEME, Conversation, Image, Message
from workbench.errors import WorkbenchError, unknown_name
from workbench.images.image_file import MAX_SHOWN, check_image, read_image

ImageSource = Path | str  # a file, or a data URL
ImageSources = Mapping[str, ImageSource]  # by digest
SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
DATA_URL = re.compile(r"data:image/[\w.+-]+;base64,")
MAX_SIBLINGS = 2_000  # files of a folder that are looked at for a similar name
SHOWN_PATH = 120  # characters
COPY = "copy the image into the project or the folder of the dataset's file"


@dataclass(frozen=True)
class ImageFiles:
    """Images that a plan has read.

    Attributes:
        sources: where the content of a digest comes from when it is sent.
        digests: by path as the rows give it.
    """

    sources: dict[str, ImageSource] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Digest of all paths with their contents; empty without files."""
        return digest(self.digests) if self.digests else ""

    def shown(self) -> "ImageFiles":
        """The same without the data URLs that are too long for a record."""
        pairs = self.sources.items()
        shown = {url: s for url, s in pairs if isinstance(s, Path) or len(s) <= MAX_SHOWN * 3 // 2}
        return ImageFiles(shown, self.digests)


class ImageReader:
    """Reads the images of conversations, each file once.

    Args:
        folder: relative paths begin here; None: no path is read, as in a server.
        root: of the project. Files must lie in one of the two, links followed: rows aren't trusted.
    """

    def __init__(self, folder: Path | None = None, root: Path | None = None) -> None:
        self.files = ImageFiles()
        self._folders = tuple(path.resolve() for path in (folder, root) if path)
        self._images: dict[str, Image] = {}

    def read(self, conversation: Conversation, *, where: str, row: str = "") -> Conversation:
        """Return the conversation with the digests of its images.

        `where` is the tag's place in the template, `row` the row's, for messages.

        Raises:
            WorkbenchError: an image that can't be sent, with a fix.
        """
        try:
            return Conversation(tuple(map(self._read_turn, conversation.messages)))
        except WorkbenchError as error:
            error.where = where
            error.message += f" (row {row})" if row else ""
            raise

    def _read_turn(self, message: Message) -> Message:
        if not message.parts:
            return message
        parts = tuple(
            part if isinstance(part, str) else replace(self._image(part.url), detail=part.detail)
            for part in message.parts
        )
        return replace(message, parts=parts)

    def _image(self, url: str) -> Image:
        if url not in self._images:
            try:
                self._images[url] = self._read_image(url)
            except WorkbenchError as error:
                more = "…" if len(url) > SHOWN_PATH else ""
                error.message = f"the image {url[:SHOWN_PATH] + more!r} {error.message}"
                raise
        return self._images[url]

    def _read_image(self, url: str) -> Image:
        scheme = match[1].lower() if (match := SCHEME.match(url)) else ""
        if scheme in ("http", "https"):
            return _remote(url)
        if scheme == "data":
            return self._add(_decode(url), url)
        if scheme:
            fix = "give a path, an http address, or a data URL; of a path with `:` write ./a:b.png"
            raise WorkbenchError(f"has the scheme {scheme}:, which isn't read", fix=fix)
        path = self._path(url)
        try:
            content = read_image(path)
        except WorkbenchError as error:
            if error.message == "is missing":
                error.fix = f"{self._nearest(path)}a path begins at {self._folders[0]}"
            raise
        image = self._add(content, path)
        self.files.digests[url] = image.url
        return replace(image, name=path.name)

    def _path(self, url: str) -> Path:
        """The path of a file, links followed, below one of the folders."""
        if not self._folders:
            fix = "send an https address or a data URL: data:image/png;base64,…"
            raise WorkbenchError("is a path, and files are not read here", fix=fix)
        try:
            path = (self._folders[0] / url).resolve()
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: a loop of links
            reason = "NUL in its name" if "\0" in url else "a loop of links, or too long a name"
            raise WorkbenchError(f"can't be read: {reason}", fix="name an image file") from error
        if not any(path.is_relative_to(folder) for folder in self._folders):
            raise WorkbenchError("leads out of the project and the dataset's folder", fix=COPY)
        return path

    def _nearest(self, path: Path) -> str:
        """`did you mean …? ` with similar names in the folder of a missing file."""
        try:
            files = zip(path.parent.iterdir(), range(MAX_SIBLINGS), strict=False)
            fix = unknown_name("image", path.name, [file.name for file, _ in files]).fix
        except OSError:
            return ""
        return fix.partition("known:")[0] if fix.startswith("did you mean") else ""

    def _add(self, content: bytes, source: ImageSource) -> Image:
        """The image with this content; the first source of a content is kept."""
        kind = check_image(content)
        url = FILE_SCHEME + sha256(content).hexdigest()
        self.files.sources.setdefault(url, source)
        return Image(url, media_type=kind, size=len(content))


def _remote(url: str) -> Image:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host or not url.isprintable() or " " in url:
        raise WorkbenchError("is not an http address", fix="https://host/image.png")
    return Image(url)


def _decode(url: str) -> bytes:
    """The content of a data URL."""
    begin = DATA_URL.match(url)
    try:
        if begin:
            return base64.b64decode(url[begin.end() :], validate=True)
    except (binascii.Error, ValueError):
        pass
    raise WorkbenchError("is not a data URL of an image", fix="data:image/png;base64,…")


def read_source(url: str, source: ImageSource) -> bytes:
    """Return the content with the digest `url`.

    Raises:
        WorkbenchError: the file can't be read, or has changed since the plan was made.
    """
    try:
        content = _decode(source) if isinstance(source, str) else read_image(source)
        if FILE_SCHEME + sha256(content).hexdigest() != url:
            raise WorkbenchError("has changed since the plan was made", fix="run again")
    except WorkbenchError as error:
        name = "of a data URL" if isinstance(source, str) else f"{source.name!r}"
        error.message = f"the image {name} {error.message}"
        raise
    return content


def refuse_images(conversation: Conversation, provider: object, model: str) -> None:
    """Refuse a conversation with images for a provider that takes none.

    A provider takes them if its attribute `accepts_images` is true.

    Raises:
        WorkbenchError: it takes none; `model` begins the message.
    """
    if conversation.has_images and not getattr(provider, "accepts_images", False):
        fix = "use a chat endpoint (`openai:` with `api: chat` or `responses`), or exclude the pair"
        raise WorkbenchError(f"{model} takes no images", fix=fix)
