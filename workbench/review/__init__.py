"""People's labels of the same answers: how far they agree, and with which evaluators.

people_labels      label files, by answer and person
people_agreement   agreement among people, and the rows on which they differ
verdict_agreement  people's labels beside stored verdicts of judges and evaluators
"""
