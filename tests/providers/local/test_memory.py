"""The most tokens that fit into memory."""

from workbench.providers.transformers.engine import free_memory, max_tokens
from workbench.providers.transformers.loading import load_model


def test_keys_and_values_get_half_of_the_memory_that_is_free(tiny):
    model = load_model(tiny, dtype="float32", device="cpu")
    token = 2 * 2 * 2 * 8 * 4  # layers, keys and values, heads, numbers, bytes
    assert max_tokens(model, 1000 * token) == 500
    assert max_tokens(model.bfloat16(), 1000 * token) == 1000


def test_system_that_says_nothing_of_its_memory_limits_nothing(tiny):
    model = load_model(tiny, dtype="float32", device="cpu")
    assert max_tokens(model, None) is None


def test_free_memory_is_what_could_be_taken_here():
    free = free_memory("cpu")
    assert free is None or 100e6 < free < 100e12
