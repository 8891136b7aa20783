"""An examination of the installation and of a project, which changes nothing and pays for nothing.

diagnosis.py       one finding: what is well, or what is wrong and how to mend it
versions.py        packages against the versions that are needed, and that were tested
project_check.py   the project's files, its store and its disk
model_check.py     models of the experiment files: their settings, their keys, their endpoints
tracking_check.py  the MLflow store
http_probe.py      one GET with a limit on its time
examination.py     all of these
"""
