"""Evaluator: the answer is well-formed XML.

>>> xml_valid("<a><b></a>").reason
'mismatched tag: line 1, column 8'
"""

from typing import NoReturn
from xml.parsers import expat

from workbench.evaluator import Score, evaluator
from workbench.evaluators._code_blocks import unfenced


class _DeclarationError(ValueError):
    """A document type declaration, which could declare entities that grow or read files."""


@evaluator(kind="pass")
def xml_valid(outputs: str, *, fenced: bool = True) -> Score:
    """True if the answer is one well-formed XML element (XML 1.0); a DOCTYPE is refused.

    White space around the element is allowed, an XML declaration before it and, if `fenced`, a
    Markdown code block around it. Nothing is expanded or read from elsewhere.
    """
    text = (unfenced(outputs, "xml", "html", "svg", "xhtml") if fenced else outputs).strip()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(text.removeprefix("\ufeff").encode("utf-8", "surrogatepass"), True)
    except _DeclarationError:
        return Score(False, "it has a DOCTYPE, which is not read")
    except expat.ExpatError as error:
        return Score(False, str(error))
    return Score(True)


def _refuse(*_declaration: object) -> NoReturn:
    raise _DeclarationError
