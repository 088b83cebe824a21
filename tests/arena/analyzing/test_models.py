from arena.analyzing.models import in_this_process


def test_a_run_does_not_say_that_a_models_own_code_may_run():
    options = {"dtype": "float32", "trust_remote_code": True, "kv_bits": 4}
    in_hf = {"name": "a", "spec": "hf:x", "options": options, "identity": {"engine": {"engine": "hf"}}}
    in_vllm = in_hf | {"spec": "vllm:x", "identity": {"engine": {"engine": "vllm"}}}
    told = [in_this_process(each) for each in (in_hf, in_vllm)]
    assert [each and (each.spec, dict(each.engine_options)) for each in told] == [
        ("hf:x", {"dtype": "float32", "kv_bits": 4}),
        ("hf:x", {"dtype": "float32"}),
    ]
    assert in_this_process(in_hf | {"identity": {"engine": {"engine": "openai"}}}) is None
