"""A problem compiled for speed: facts are bits, a state is an integer, an action is three masks.

All that can be is worked out once per problem and shared by all its episodes; nothing in a `World` changes
with play.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from envs.errors import BadData
from envs.pddl.domain import Domain, Operator, domain
from envs.pddl.parsing import Atom
from envs.pddl.problem import Problem
from envs.pddl.wording import Wording, wording

MAX_ACTIONS = 50_000

State = int


@dataclass(frozen=True, slots=True)
class Action:
    """An operator with its arguments: `needs`, `adds` and `deletes` are sets of facts as bit masks."""

    operator: str
    arguments: tuple[str, ...]
    needs: int
    adds: int
    deletes: int

    def is_possible(self, state: State) -> bool:
        """Tell whether its preconditions hold."""
        return state & self.needs == self.needs

    def apply(self, state: State) -> State:
        """Return the state after it; what is both deleted and added stays."""
        return (state & ~self.deletes) | self.adds

    def changes(self, state: State) -> bool:
        """Tell whether it is possible and has an effect."""
        return self.is_possible(state) and self.apply(state) != state


@dataclass(frozen=True, eq=False)
class World:
    """A compiled problem. Bit i of a state is `facts[i]`, whose sentence is `sentences[i]`.

    Bits are in the order of their sentences, so that a state's bits read upwards give sorted sentences.
    `actions` maps (operator, arguments) to every action whose unchanging preconditions hold; its `needs` are
    the others. `openings` holds, for each operator, the `needs` of its actions that name no object twice.
    """

    problem: Problem
    domain: Domain
    words: Wording
    facts: tuple[Atom, ...]
    sentences: tuple[str, ...]
    initial: State
    goal: Mapping[str, int]
    actions: Mapping[tuple[str, tuple[str, ...]], Action]
    openings: Mapping[str, frozenset[int]]

    @cached_property
    def objects(self) -> frozenset[str]:
        """The names of all objects, the domain's constants included."""
        return frozenset((*self.domain.constants, *(name for name, _ in self.problem.objects)))

    @cached_property
    def choices(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """For each operator that has actions, the objects that each of its parameters can be."""
        found: dict[str, tuple[set[str], ...]] = {}
        for name, arguments in self.actions:
            columns = found.setdefault(name, tuple(set() for _ in arguments))
            for column, argument in zip(columns, arguments, strict=True):
                column.add(argument)
        return {name: tuple(tuple(sorted(each)) for each in columns) for name, columns in found.items()}

    def describe(self, state: State) -> str:
        """Return the sentences of all facts in `state`, sorted and joined."""
        sentences, told = self.sentences, []
        while state:
            lowest = state & -state
            told.append(sentences[lowest.bit_length() - 1])
            state ^= lowest
        return " ".join(told)

    def atoms(self, state: State) -> list[Atom]:
        """Return the facts in `state`."""
        return [atom for bit, atom in enumerate(self.facts) if state >> bit & 1]

    def progress(self, state: State) -> float:
        """Return the share of the goal's facts that are true in `state`."""
        return sum(state & bit != 0 for bit in self.goal.values()) / len(self.goal)

    def possible(self, state: State) -> Iterator[Action]:
        """Yield the actions that would change `state`."""
        return (action for action in self.actions.values() if action.changes(state))

    def offers(self, operator: str, state: State) -> bool:
        """Tell whether an operator is possible in `state` with some arguments, all different.

        That is when AgentBoard knows an operator's name: pddlgym lists no action that names an object twice.
        """
        return any(state & needs == needs for needs in self.openings[operator])


@lru_cache(maxsize=64)
def world(problem: Problem) -> World:
    """Compile a problem. Raises `BadData` where it has more than `MAX_ACTIONS` actions."""
    of, words = domain(problem.domain), wording(problem.domain)
    grounded, fluents = list(_ground(of, problem)), of.fluents
    known = {*problem.init, *problem.goal}
    for *_, needs, adds, deletes in grounded:
        known.update(needs, adds, deletes)
    ordered = sorted((words.fact(atom), atom) for atom in known)
    bit = {atom: 1 << place for place, (_, atom) in enumerate(ordered)}

    def mask(atoms: Iterable[Atom]) -> int:
        return sum({bit[atom] for atom in atoms})

    actions = {
        (name, arguments): Action(
            operator=name,
            arguments=arguments,
            needs=mask(atom for atom in needs if atom[0] in fluents),
            adds=mask(adds),
            deletes=mask(deletes),
        )
        for name, arguments, needs, adds, deletes in grounded
    }
    return World(
        problem=problem,
        domain=of,
        words=words,
        facts=tuple(atom for _, atom in ordered),
        sentences=tuple(sentence for sentence, _ in ordered),
        initial=mask(problem.init),
        goal={words.fact(atom): bit[atom] for atom in problem.goal},
        actions=actions,
        openings={
            name: frozenset(
                action.needs
                for action in actions.values()
                if action.operator == name and len(set(action.arguments)) == len(action.arguments)
            )
            for name in of.operators
        },
    )


_Grounded = tuple[str, tuple[str, ...], tuple[Atom, ...], tuple[Atom, ...], tuple[Atom, ...]]


def _ground(of: Domain, problem: Problem) -> Iterator[_Grounded]:
    fluents, given = of.fluents, frozenset(problem.init)
    things = sorted({**of.constants, **dict(problem.objects)}.items())
    budget = iter(range(MAX_ACTIONS))
    for operator in of.operators.values():
        choices = [
            [name for name, type_ in things if of.is_a(type_, parameter.type)]
            for parameter in operator.parameters
        ]
        fixed = [atom for atom in operator.needs if atom[0] not in fluents]
        for arguments in _bindings(operator, choices, fixed, given, budget):
            bound = {f"?{p.name}": name for p, name in zip(operator.parameters, arguments, strict=True)}
            needs, adds, deletes = (
                tuple((atom[0], *(bound.get(term, term) for term in atom[1:])) for atom in part)
                for part in (operator.needs, operator.adds, operator.deletes)
            )
            yield operator.name, arguments, needs, adds, deletes


def _bindings(
    operator: Operator,
    choices: list[list[str]],
    fixed: list[Atom],
    given: frozenset[Atom],
    budget: Iterator[int],
) -> Iterator[tuple[str, ...]]:
    # an unchanging precondition is looked up as soon as its last parameter has a value: the product of all
    # objects is never made
    order = {f"?{parameter.name}": place for place, parameter in enumerate(operator.parameters)}
    due: list[list[Atom]] = [[] for _ in (*order, None)]
    for atom in fixed:
        due[max((order[term] + 1 for term in atom[1:] if term in order), default=0)].append(atom)

    def extend(arguments: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if next(budget, None) is None:
            raise BadData(f"the problem has more than {MAX_ACTIONS} actions")
        for atom in due[len(arguments)]:
            ground = (arguments[order[term]] if term in order else term for term in atom[1:])
            if (atom[0], *ground) not in given:
                return
        if len(arguments) == len(choices):
            yield arguments
            return
        for name in choices[len(arguments)]:
            yield from extend((*arguments, name))

    return extend(())
