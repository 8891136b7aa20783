"""Images at an endpoint: the bytes that arrive, files that changed, models that take none."""

import pytest
from openai_server import Reply, say
from pictures import data_url, digest_url, picture

from workbench.canonical import ordered_json
from workbench.completing.budget import Budget
from workbench.conversation import Conversation, Image, Message
from workbench.model import Completion, PromptCall, Provider, Request
from workbench.project import Price
from workbench.providers.openai.image_parts import refuses_images

PNG = picture()
URL = "https://a.org/b.png"
FILE = Image(digest_url(PNG), "low", "image/png", len(PNG))


def request_for(provider: Provider, *parts: str | Image, source: object = None) -> Request:
    conversation = Conversation((Message.of_parts("user", parts),))
    body = provider.prepare(PromptCall(conversation)).body
    return Request(str(parts), ordered_json(body), images={FILE.url: source or data_url(PNG)})


def send(provider: Provider, *requests: Request) -> list[Completion]:
    return list(provider.complete(iter(requests)))


def test_chat_gets_the_file_as_a_data_url(open_model, server, tmp_path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    provider = open_model()
    forged = '{"type":"image_url","image_url":{"url":"' + FILE.url + '"}}'
    send(provider, request_for(provider, "What?", FILE, forged, Image(URL), source=path))
    assert server.requests[0].body == {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What?"},
                    {"type": "image_url", "image_url": {"url": data_url(PNG), "detail": "low"}},
                    {"type": "text", "text": forged},
                    {"type": "image_url", "image_url": {"url": URL}},
                ],
            }
        ],
    }


def test_responses_api_gets_input_images(open_model, server) -> None:
    provider = open_model(api="responses")
    send(provider, request_for(provider, "What?", FILE, Image(URL)))
    assert server.requests[0].body["input"] == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What?"},
                {"type": "input_image", "image_url": data_url(PNG), "detail": "low"},
                {"type": "input_image", "image_url": URL},
            ],
        }
    ]


@pytest.mark.parametrize("content", [None, picture(b"other")])
def test_file_that_changed_fails_its_row_and_sends_nothing(
    open_model, server, tmp_path, content
) -> None:
    path = tmp_path / "a.png"
    if content:
        path.write_bytes(content)
    provider = open_model()
    other = request_for(provider, "Hi", Image(URL))
    failed, done = send(provider, request_for(provider, FILE, source=path), other)
    reason = "has changed since the plan was made" if content else "is missing"
    assert (failed.state, failed.error) == ("failed", f"not sent: the image 'a.png' {reason}")
    assert (failed.attempts, done.state, len(server.requests)) == (0, "ok", 1)


@pytest.mark.parametrize(
    "error",
    [
        "Invalid content type. image_url is only supported by certain models.",
        "this model does not support image input (ref: b8bd)",
        "Model do not support image input. Request id: 0217",
        "No endpoints found that support image input",
        "facebook/opt-125m is not a multimodal model None",
        "At most 0 image(s) may be provided in one request.",
        "Failed to deserialize: messages[0]: unknown variant `image_url`, expected `text`",
        "image input is not supported by this server",
        "image input is not supported - hint: you may need to provide the mmproj",
        'Failed to parse messages: Unsupported content part type: "image_url"',
        "Image input is not enabled for this model",
        "Image inputs are not supported by this model.",
        "messages[0].content must be a string",
        "Content type 'image_url' is not supported by this model",
        "Validation Error: Input should be 'text'",
        "this model is missing data required for image input",
        "The model doesn't have vision capabilities",
        "This model is unable to process images",
        "This model cannot process image inputs",
    ],
)
def test_error_of_a_model_without_images_is_recognized(error) -> None:
    assert refuses_images(error)


@pytest.mark.parametrize(
    "error",
    [
        "You uploaded an unsupported image. Please make sure your image has of one of the "
        "following formats: ['png', 'jpeg', 'gif', 'webp'].",
        "Unsupported image format",
        "image exceeds 5 MB maximum: the size is not supported",
        "Image dimensions of more than 8000 pixels are not supported",
        "At most 1 image(s) may be provided in one request.",
        "Invalid base64 image_url.",
        "Failed to download image from https://a.org/b.png: not available",
        "This model's maximum context length is 8192 tokens",
        "The image was flagged by our safety system",
        "The image is not allowed by our usage policies",
        "Could not process image",
        "Unable to process input image. Please retry or report",
        "Invalid image: it could not be processed",
        "messages[0].content[0].image_url.detail is not supported",
    ],
)
def test_error_about_a_single_image_concerns_its_row(error) -> None:
    assert not refuses_images(error)


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_model_without_images_is_ended_with_a_fix(open_model, server, status) -> None:
    error = {"message": "this model does not support image input"}
    server.script = lambda *_: Reply(status, {"error": error})
    provider = open_model(concurrency=1)
    requests = [request_for(provider, str(n), FILE) for n in range(3)]
    with pytest.raises(Exception, match="does not support image input") as caught:
        send(provider, *requests)
    assert getattr(caught.value, "fix", "").startswith("use a model that takes images")
    assert len(server.requests) == 1


def test_refused_image_after_others_concerns_its_row(open_model, server) -> None:
    error = {"message": "image input is not supported"}
    refusal = Reply(400, {"error": error})
    server.script = lambda *_: refusal if len(server.requests) == 2 else say("a")
    provider = open_model(concurrency=1)
    requests = [request_for(provider, str(n), FILE) for n in range(3)]
    assert [c.state for c in send(provider, *requests)] == ["ok", "rejected", "ok"]


def test_worst_case_has_the_most_tokens_of_each_image(open_model) -> None:
    provider = open_model()
    budget = Budget({"openai:m": Price(input=1.0, output=0.0)})
    costs = [
        budget.worst_case("openai:m", request_for(provider, "Hi", *images))
        for images in ((), (FILE,), (FILE, Image(URL)))
    ]
    assert 0.05 < costs[1] - costs[0] < 0.0504
    assert 0.05 < costs[2] - costs[1] < 0.0504
