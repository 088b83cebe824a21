import pytest

from arena.cli.batch import batch
from arena.errors import UsageError
from arena.executors import ray_cluster


def test_the_executor_needs_its_package_and_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs the package ray") as refused, ray_cluster.connected():
        pass
    assert refused.value.next_step == "pip install 'arena[ray]'"


def test_another_executor_is_refused_by_the_names_of_those_there_are():
    with pytest.raises(UsageError, match="--executor slurm is not known") as refused:
        batch("quick", agent=["random"], executor="slurm")
    assert refused.value.next_step == "write --executor local or ray"
