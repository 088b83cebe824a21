"""These tests run in the environment that `make vllm` makes (`make test-vllm`), and are skipped elsewhere."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _vllm() -> None:
    try:
        # the whole chain of imports, not only the package's first file
        from vllm import LLM  # noqa: F401
    except Exception as error:
        pytest.skip(f"vLLM can't be imported here, `make test-vllm` runs these tests ({error})")
