"""The kinds of files that can be imported, in the order in which they are tried."""

from workbench.importing.source_files import SourceFormat

FORMATS: tuple[SourceFormat, ...] = ()
