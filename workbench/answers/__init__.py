"""From the text of a reply to the model's answer: replies are stored as received, and read here.

finish_reason.py   finish reasons, as servers spell them
reply_body.py      the text and the reasoning in the body of a chat reply
prefill.py         the prefill, where the server repeats it in its answer
reasoning.py       the model's reasoning, apart from its answer
schema_choice.py   the choice in an answer to the schema of `choices`
answer_start.py    the place of the answer in a text of which more is to come
embedding.py       an embedding as text
text_pieces.py     pieces of an answer while its reply is still coming
read.py            all of these applied to a stored completion
"""
