"""Small images for tests.

>>> picture(b"red")[:4]
b'\x89PNG'
"""

import struct
import zlib
from base64 import b64encode
from hashlib import sha256

JPEG, GIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0", b"GIF89a\1\0\1\0\0\0\0;"
WEBP = b"RIFF\x24\0\0\0WEBPVP8 "


def picture(seed: bytes = b"") -> bytes:
    """A PNG of one pixel, whose colour follows from `seed`."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    pixel = sha256(seed).digest()[:3]
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" + pixel)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def digest_url(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def data_url(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
