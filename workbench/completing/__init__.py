"""Sending the requests of a plan and storing the completions.

budget.py       limits on calls and cost
check_batch.py  local answers that change when rows are asked one by one
complete.py     threads that call the models, one that stores
context.py      RunContext, the stop request, and the callbacks for progress
dispatch.py     each request leased and budgeted when a provider pulls it
next_turns.py   later turns of conversations, sent when the turn before is answered
plan_lock.py    one process at a time runs a plan
token_bounds.py the most tokens that a model bills, learned from its bills
"""
