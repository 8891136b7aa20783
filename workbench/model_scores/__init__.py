"""Scores that models give without being judges, requested and stored like any answer.

    - embedding_similarity: {model: openai:text-embedding-3-small}     entries under `evaluators:`
    - expected_likelihood: {measure: perplexity}

embedding_score.py         the model that embeds, and the digest of all that decides its scores
embedding_requests.py      a request for each text, and the score of two vectors
expected_likelihood.py     the measure, and the score of a log-likelihood; scoring/ has its requests
"""
