"""Any OpenAI-compatible endpoint: `openai:gpt-6-luna`, or your own server.

provider.py      the provider that the rest of Workbench uses
settings.py      the settings of a model in the experiment file
setting_variables.py  ${NAME} in the address and the headers
body.py          a prompt call -> the JSON body of its request
request_rules.py  calls that no server takes
exchange.py      one call: the request sent, its reply or its failure read
client.py        sends requests concurrently and retries them
live.py          single requests, in the event loop of a server
retry.py         when a request is sent again, and when it is given up
rate_limiter.py  the rate at which requests are sent, and pauses
circuit_breaker.py  stops a model whose endpoint is dead or isn't an API
errors.py        a failed call -> whether and when to retry, and whether to stop
sdk.py           URL, headers and errors as the openai package makes them
transport.py     HTTP over aiohttp
parameter_errors.py  the parameter that an error refuses
model_names.py   names of the models that a server has
responses_api.py  bodies and replies of OpenAI's Responses API
event_stream.py  the events of a streamed reply -> its body
text_events.py   the text in the events of a reply that is still coming
usage.py         the tokens that a reply is billed for
reply.py         the body of a reply -> a Completion
reply_errors.py  an error object in a reply with status 200 -> the status it stands for
"""

from workbench.providers.openai.provider import OpenAIProvider

__all__ = ["OpenAIProvider"]
