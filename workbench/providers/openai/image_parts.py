"""Images at an endpoint: a request's bytes with them, and the errors of models that take none.

>>> refuses_images("Invalid content type. image_url is only supported by certain models.")
True
>>> refuses_images("unsupported image. The formats png, jpeg, gif and webp are supported")
False
"""

import asyncio
import re

from workbench.canonical import ordered_json
from workbench.images.request_images import count_images, with_data_urls
from workbench.model import Request

FIX = "use a model that takes images, or `exclude:` its pairs with prompts that have them"
_NOT = r"(\b(not?|cannot|only|un)[ _-]?|n't[ _-])"
_TAKES = r"(support|accept|allow|enabl|permit|handl|process|tak|available|implement|configur)"
_IMAGE = r"(image|vision|multi-?modal)"
# Servers agree on no words for it.
REFUSAL = re.compile(
    rf"(?i){_NOT}.{{0,30}}{_TAKES}.{{0,60}}{_IMAGE}|{_IMAGE}.{{0,60}}{_NOT}.{{0,10}}{_TAKES}"
    rf"|{_NOT}have {_IMAGE}|unknown variant .?image_url|not a (multi-?modal|vision)|mmproj"
    r"|at most 0 image|missing data required for image|input should be (a valid string|'text')"
    r"|content\S* (must|should) be a (valid )?string"
)
# Errors about one image: another may be taken.
SINGLE_IMAGE = re.compile(
    r"(?i)\b(formats?|mime|file ?type|media.?type|size|large|resolution|dimension|pixels|download"
    r"|fetch|decod\w*|corrupt\w*|base64|url (is|must)|more than|too many|animated|policy"
    r"|policies|safety|image_url\.detail|could(n't| not) be processed"
    r"|(could(n't| not)|unable to|failed to) process( the| this| your| input)* image)\b(?! input)"
)


def refuses_images(text: str) -> bool:
    """True if the error `text` of a server refuses every image, not this one."""
    return bool(REFUSAL.search(text)) and not SINGLE_IMAGE.search(text)


async def request_content(request: Request) -> bytes:
    """Return the bytes of a request as they are sent.

    Raises:
        WorkbenchError: a file is gone or has changed since the plan was made.
    """
    if not request.images or not count_images(request.text):
        return request.text.encode("ascii")
    body = await asyncio.to_thread(with_data_urls, request.body, request.images)
    return ordered_json(body).encode("ascii")
