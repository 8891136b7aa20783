"""Served requests and feedback, written to MLflow through an outbox on disk.

types.py    served calls, feedback, and the outbox's interface
"""
