"""Similarity of meaning by the embeddings of an API, requested and stored like any answer.

    - embedding_similarity: {model: openai:text-embedding-3-small}    an entry under `evaluators:`

similarity.py            the evaluator: its model, and the digest of all that decides its scores
embedding_requests.py    a request for each text, and the score of two vectors
"""
