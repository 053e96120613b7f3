"""The catalogue: names, registration, and a codec that changes nothing silently."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, Optional, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taskqueue_edu import Task, TaskQueue
from taskqueue_edu.catalogue import Catalogue, catalogue, task_type
from taskqueue_edu.errors import ConfigError, InvalidTask, ResultNotStorable, UnknownTaskType
from taskqueue_edu.limits import MOST, Limits
from taskqueue_edu.retry import RetryPolicy

T = TypeVar("T")


class Color(enum.Enum):
    """An enumeration that tasks of these tests carry."""

    RED = "red"


class Name(str):
    """A subclass of str."""


class Pair(NamedTuple):
    """A named tuple."""

    left: int
    right: int


@dataclass(frozen=True)
class Address:
    """A dataclass inside a task."""

    street: str
    number: int = 1


@task_type("test.anything")
@dataclass
class Anything:
    """A task that takes and returns whatever it is given."""

    value: Any

    def execute(self) -> Any:
        return self.value


@task_type("test.order", retry=RetryPolicy(3))
@dataclass(frozen=True)
class Order:
    """A task with fields of many types."""

    number: int
    name: str = "n"
    price: float = 1.5
    paid: bool = False
    tags: tuple[str, ...] = ()
    lines: list[int] = field(default_factory=list)
    stock: dict[str, int] = field(default_factory=dict)
    address: Address = Address("Main Street")
    others: tuple[Address, ...] = ()
    note: str | None = None
    old_style: Optional[int] = None  # noqa: UP045 - learners write it both ways
    color: Color = Color.RED
    raw: bytes = b""
    ids: frozenset[int] = frozenset()
    kind: ClassVar[str] = "not a field"

    def execute(self) -> Address:
        return self.address


def encoded(task: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(catalogue.encode(task)[0])
    return found


def refused(call: Callable[[], object], *, names: str = "") -> InvalidTask:
    """Return the InvalidTask that `call` raises; it names the type, a field, and a remedy."""
    with pytest.raises(InvalidTask) as caught:
        call()
    assert names in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 1_000
    return caught.value


# -- names and registration


@pytest.mark.parametrize(
    "name",
    ["", "a/b", "..", "../a", ".a", "-a", "_a", "1a", "a b", "a\n", "a\\b", "é", "a" * 101, "a\0"],
)
def test_names_that_could_be_something_else(name: str) -> None:
    """A name has letters, digits, and `_.-` only: never a path, and nothing to quote."""
    table = Catalogue()
    with pytest.raises(InvalidTask, match="no name for a task type"):
        table.register(name, Order)
    assert table.names() == []


@pytest.mark.parametrize("name", ["a", "math", "shop.order-2_b", "A" * 100, "a.."])
def test_names(name: str) -> None:
    """A name starts with a letter and has at most 100 characters."""
    table = Catalogue()
    table.register(name, Order)
    assert table.names() == [name]
    assert table.get(name).cls is Order
    assert table.of(Order(1)) is table.find(name)


class Plain:
    """No dataclass."""

    def execute(self) -> int:
        return 1


@dataclass
class Idle:
    """No execute()."""


@dataclass
class NotCallable:
    """`execute` is a field."""

    execute: int = 1


@dataclass
class Broken:
    """The annotation of its result is no expression."""

    def execute(self) -> "no expression":  # type: ignore[valid-type] # noqa: F722
        return 1


@dataclass
class Foreign:
    """A field's annotation names nothing."""

    value: Nowhere  # type: ignore[name-defined] # noqa: F821

    def execute(self) -> int:
        return 1


@pytest.mark.parametrize("cls", [Plain, Idle, NotCallable, Broken, Foreign])
def test_classes_that_are_no_task_type(cls: type) -> None:
    """A class without fields, execute(), or annotations that can be read is refused by name."""
    table = Catalogue()
    with pytest.raises(InvalidTask, match=cls.__qualname__) as caught:
        table.register("x", cls)
    assert caught.value.hint
    assert table.names() == []
    assert table.of(object.__new__(cls)) is None


def test_a_task_type_may_name_its_protocol() -> None:
    """A class that inherits from Task, with or without its parameter, is a task type as others."""

    @dataclass(frozen=True)
    class Double(Task[int]):
        number: int

        def execute(self) -> int:
            return 2 * self.number

    @dataclass(frozen=True)
    class Half(Task):  # type: ignore[type-arg]
        number: int

        def execute(self) -> int:
            return self.number // 2

    table = Catalogue()
    for name, cls in (("double", Double), ("half", Half)):
        table.register(name, cls)
        payload, copy = table.encode(cls(4))
        assert table.decode(name, payload) == copy == cls(4)


def test_task_type_without_parentheses() -> None:
    """Forgetting the name says so at once, not when the first task is made."""
    with pytest.raises(InvalidTask, match="needs a name") as caught:
        task_type(Plain)  # type: ignore[arg-type]
    assert '@task_type("a-name")' in caught.value.hint


def test_running_a_cell_again_replaces_the_class() -> None:
    """A class of the same module and qualified name takes the place of the old one."""
    table = Catalogue()

    def cell(default: int) -> type:
        @dataclass
        class Task:
            value: int = default

            def execute(self) -> int:
                return self.value

        return Task

    old, new = cell(1), cell(2)
    table.register("x", old)
    table.register("x", new)
    assert table.get("x").cls is new
    assert table.of(new()) is table.get("x")
    assert table.of(old()) is None
    assert table.decode("x", b"{}") == new()


def test_a_name_has_one_class() -> None:
    """Another class under a taken name is refused, with the name of the one that has it."""
    table = Catalogue()
    table.register("x", Order)
    error = refused(lambda: table.register("x", Anything), names="Order")
    assert error.hint == "choose another name."
    assert table.get("x").cls is Order
    assert table.of(Anything(1)) is None


def test_unknown_types() -> None:
    """A name that no class has is UnknownTaskType, and lists those there are."""
    table = Catalogue()
    with pytest.raises(UnknownTaskType, match=r"no task type 'x' in this process; known: none"):
        table.get("x")
    table.register("order", Order)
    for call in (table.get, lambda name: table.decode(name, b"{}")):
        with pytest.raises(UnknownTaskType, match="known: order"):
            call("os.system")
    assert table.find("x") is None


def test_a_task_without_a_type_is_not_stored() -> None:
    """A class that was not registered, or a subclass of one that was, needs its own name."""

    @dataclass(frozen=True)
    class Bigger(Order):
        size: int = 3

    for task in (Bigger(1), Plain()):
        error = refused(lambda task=task: catalogue.encode(task), names="not registered")  # type: ignore[misc]
        assert "@task_type" in error.hint


# -- tasks to JSON and back


def test_all_types_come_back() -> None:
    """Every type that a field may have comes back equal, with its exact type."""
    order = Order(
        2**70,
        "ünï \U0001f40d \x00",
        -0.0,
        True,
        ("a", "b"),
        [1, 2],
        {"a": 1, "": 2},
        Address("x", 7),
        (Address("y"), Address("z", 2)),
        "note",
        3,
        Color.RED,
        b"\x00\xff",
        frozenset({1, 2}),
    )
    payload, twin = catalogue.encode(order)
    assert twin == order
    assert twin is not order
    assert catalogue.decode("test.order", payload) == order
    for part in dataclasses.fields(order):
        assert type(getattr(twin, part.name)) is type(getattr(order, part.name))


def test_the_copy_shares_nothing_with_the_caller() -> None:
    """Changing the list that was submitted doesn't change the task that runs."""
    order = Order(1, lines=[1])
    _, twin = catalogue.encode(order)
    order.lines.append(2)
    assert twin == Order(1, lines=[1])


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"number": True}, "number"),
        ({"number": "1"}, "number"),
        ({"number": 1.0}, "number"),
        ({"number": None}, "number"),
        ({"number": Color.RED}, "number"),
        ({"name": 3}, "name"),
        ({"name": b"x"}, "name"),
        ({"name": Name("x")}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"price": float("nan")}, "price"),
        ({"price": float("inf")}, "price"),
        ({"price": float("-inf")}, "price"),
        ({"price": "1.5"}, "price"),
        ({"price": 2**60 + 1}, "price"),
        ({"paid": 1}, "paid"),
        ({"tags": ["a"]}, "tags"),
        ({"tags": (1,)}, "tags"),
        ({"tags": ("\udfff",)}, "tags"),
        ({"lines": (1,)}, "lines"),
        ({"lines": [True]}, "lines"),
        ({"lines": [[1]]}, "lines"),
        ({"lines": [10**5_000]}, "lines"),
        ({"lines": {1}}, "lines"),
        ({"stock": {1: 1}}, "stock"),
        ({"stock": {"a": None}}, "stock"),
        ({"stock": {"\ud800": 1}}, "stock"),
        ({"address": {"street": "x", "number": 1}}, "address"),
        ({"address": Address("x", 1.5)}, "address"),  # type: ignore[arg-type]
        ({"address": None}, "address"),
        ({"others": [Address("x")]}, "others"),
        ({"note": 3}, "note"),
        ({"old_style": "3"}, "old_style"),
        ({"color": "red"}, "color"),
        ({"raw": "x"}, "raw"),
        ({"raw": bytearray(b"x")}, "raw"),
        ({"ids": {1}}, "ids"),
        ({"ids": frozenset({"1"})}, "ids"),
    ],
)
def test_what_would_not_come_back_unchanged(changes: dict[str, Any], where: str) -> None:
    """A value that JSON would change, or of another type than annotated, is refused by field."""
    task = Order(**{"number": 1, **changes})
    refused(lambda: catalogue.encode(task), names=where)


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        [(1, 2)],
        {"a": (1,)},
        {1: "a"},
        {1: "a", "1": "b"},
        {None: 1},
        float("nan"),
        [float("inf")],
        b"ab",
        {1, 2},
        1 + 2j,
        object(),
        Name("x"),
        [Name("x")],
        Color.RED,
        Pair(1, 2),
        Address("x"),
        "\ud800",
        10**5_000,
        len,
        Order,
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_untyped_field_takes_plain_json_only(value: Any) -> None:
    """In a field typed Any a tuple would come back as a list: it is refused, like all such."""
    refused(lambda: catalogue.encode(Anything(value)), names="field 'value'")


def test_an_int_may_stand_for_a_float() -> None:
    """A whole number in a float field is taken, as type checkers do, and comes back a float."""
    _, twin = catalogue.encode(Order(1, price=2))
    assert twin == Order(1, price=2.0)
    assert type(getattr(twin, "price")) is float  # noqa: B009 - Task has no such field


def nested(depth: int) -> Any:
    value: Any = 1
    for n in range(depth):
        value = [value] if n % 2 else {"a]": value}
    return value


def test_nesting() -> None:
    """Nesting is limited, so that every payload can be read back where the stack is deep."""
    # The task itself is one level.
    assert encoded(Anything(nested(MOST.nesting - 1)))["value"] == nested(MOST.nesting - 1)
    refused(lambda: catalogue.encode(Anything(nested(MOST.nesting))), names="nested 101 deep")
    refused(lambda: catalogue.encode(Anything(nested(100_000))), names="test.anything")
    wide = [[n, {"a": "[" * 200}] for n in range(200)]
    assert encoded(Anything(wide))["value"] == wide
    quoted = ['"' * 60 + "[" * 200 + "\\"] * 110
    assert encoded(Anything(quoted))["value"] == quoted
    refused(
        lambda: catalogue.decode("test.anything", b'{"value":' + b"[" * 200 + b"]" * 200 + b"}")
    )


def test_huge_payloads() -> None:
    """More JSON than the limit is refused when it is encoded and when it is decoded."""
    fits = "x" * (MOST.payload - len('{"value":""}'))
    payload, _ = catalogue.encode(Anything(fits))
    assert len(payload) == MOST.payload
    assert catalogue.decode("test.anything", payload) == Anything(fits)
    refused(lambda: catalogue.encode(Anything(fits + "x")), names="bytes of JSON, at most")
    refused(lambda: catalogue.decode("test.anything", payload + b" "), names="bytes of JSON")


AT_A_LIMIT: dict[str, tuple[Limits, bytes, str]] = {
    "payload": (Limits(payload=12), b'{"v":"abcd"}', "12 bytes of JSON, at most 11"),
    "nesting": (Limits(nesting=4), b'{"v":[[],[{}],"[[[["]}', "nested 4 deep, at most 3"),
    "text": (Limits(text=4), b'{"v":"abcd"}', "a string of 4 characters, at most 3"),
    "text-of-a-key": (Limits(text=4), b'{"abcd":1}', "a string of 4 characters, at most 3"),
    "text-of-many-bytes": (Limits(text=4), '{"v":"é€𝄞x"}'.encode(), "4 characters, at most 3"),
    "text-escaped": (
        Limits(text=4),
        rb'{"v":"\u00e9\ud834\udd1e\n\""}',
        "4 characters, at most 3",
    ),
}


@pytest.mark.parametrize("name", AT_A_LIMIT)
def test_at_a_limit(name: str) -> None:
    """What is as large as a limit is taken; what is larger is refused, with its size."""
    limits, payload, says = AT_A_LIMIT[name]
    which = name.partition("-")[0]
    size = getattr(limits, which)
    limits.check(payload, "it")
    dataclasses.replace(limits, **{which: size + 1}).check(payload, "it")
    below = dataclasses.replace(limits, **{which: size - 1})
    error = refused(lambda: below.check(payload, "it"), names=says)
    assert f"(limits.{which})" in error.message
    assert error.hint
    with pytest.raises(ResultNotStorable, match=says):
        below.check(payload, "it", ResultNotStorable)


@pytest.mark.parametrize("payload", [b'{"v":"\xff\xff"}', rb'{"v":"\x0000"}', b'"', b"]" * 9, b""])
def test_limits_of_what_is_no_json(payload: bytes) -> None:
    """What can't be measured is left to the decoder, or is over a limit: no other error."""
    with contextlib.suppress(InvalidTask):
        Limits(nesting=2, text=1).check(payload, "it")


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, True, 1.0, "1", None, 2**70, 10**5_000], ids=range(8))
def test_limits_that_are_none(name: str, value: Any) -> None:
    """A limit is a whole number, 1 or more, and no more than its default."""
    with pytest.raises(ConfigError, match=f"Limits: {name}") as caught:
        Limits(**{name: value})
    assert f"1 to {getattr(MOST, name):,}" in caught.value.hint
    assert getattr(Limits(**{name: 1}), name) == 1


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"null", "Expected `object`"),
        (b"[1]", "Expected `object`"),
        (b'{"number":1} x', "Extra data"),
        (b'{"number":1}\xff', "invalid start byte"),
        ('{"number":1}'.encode("utf-16"), "malformed"),
        (b"{}", "missing required field `number`"),
        (b'{"number":true}', "Expected `int`, got `bool` - at `$.number`"),
        (b'{"number":1.5}', "at `$.number`"),
        (b'{"number":"1"}', "at `$.number`"),
        (b'{"number":' + b"1" * 5_000 + b"}", "5000 digits"),
        (b'{"number":1,"price":1e999}', "at `$.price`"),
        (b'{"number":1,"price":NaN}', "malformed"),
        (b'{"number":1,"price":Infinity}', "malformed"),
        (b'{"number":1,"price":null}', "at `$.price`"),
        (b'{"number":1,"name":"\\ud800"}', "test.order: "),
        (b'{"number":1,"number":1}', "the key 'number' is there twice"),
        (b'{"number":1,"address":{"street":"a","street":"b"}}', "the key 'street' is there twice"),
        (b'{"number":1,"__class__":"x"}', "there is no field '__class__'"),
        (b'{"number":1,"kind":"x"}', "there is no field 'kind'"),
        (b'{"number":1,"address":{"street":"a","town":"b"}}', "no field 'address.town'"),
        (b'{"number":1,"others":[{"street":"a"},{"street":"a","x":1}]}', "no field 'others.x'"),
        (b'{"number":1,"tags":[1]}', "at `$.tags[0]`"),
        (b'{"number":1,"color":"blue"}', "at `$.color`"),
    ],
)
def test_json_from_outside_is_checked(payload: bytes, says: str) -> None:
    """Malformed JSON, wrong types, doubled keys and unknown fields are refused at any depth."""
    assert (
        "number: int" in refused(lambda: catalogue.decode("test.order", payload), names=says).hint
    )


def test_json_from_outside() -> None:
    """Correct JSON builds the task; fields with defaults may be left out, spaces put in."""
    assert catalogue.decode("test.order", b' {"number": 1}\n') == Order(1)
    payload = b'{"number":1,"price":2,"address":{"street":"x"},"stock":{"a":1}}'
    assert catalogue.decode("test.order", payload) == Order(
        1, price=2.0, address=Address("x"), stock={"a": 1}
    )


@task_type("test.derived")
@dataclass
class Derived:
    """A task with fields that are no parameters."""

    base: int
    double: int = field(init=False, default=0)
    seen: list[int] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        if self.base == 13:
            raise KeyError("thirteen")
        self.double = 2 * self.base

    def execute(self) -> int:
        return self.double


def test_derived_fields() -> None:
    """A field that is no parameter is kept too, unless __post_init__ would change it back."""
    task = Derived(2)
    task.seen.append(1)
    payload, twin = catalogue.encode(task)
    assert twin == task == catalogue.decode("test.derived", payload)
    task.double = 5
    refused(lambda: catalogue.encode(task), names="field 'double'")


def test_code_of_the_task_that_raises() -> None:
    """Whatever a task's own __post_init__ or __eq__ raises is an InvalidTask, never a crash."""
    error = refused(lambda: catalogue.decode("test.derived", b'{"base":13}'), names="thirteen")
    assert isinstance(error.__cause__, KeyError)
    unlucky = Derived(2)
    unlucky.base = 13
    refused(lambda: catalogue.encode(unlucky), names="test.derived: 'thirteen'")
    del unlucky.base
    refused(lambda: catalogue.encode(unlucky), names="field 'base'")

    @dataclass
    class Odd:
        x: int

        def __eq__(self, other: object) -> bool:
            raise ZeroDivisionError

        def __repr__(self) -> str:
            raise ZeroDivisionError

    @dataclass
    class Holder:
        odd: Any

        def execute(self) -> Any:
            return self.odd

    Holder.__annotations__["odd"] = Odd
    table = Catalogue()
    table.register("x", Holder)
    refused(lambda: table.encode(Holder(Odd(1))), names="field 'odd'")


def test_a_bad_task_changes_nothing() -> None:
    """A task that can't be taken leaves the queue as it was: no record, no place taken."""

    class Kept:
        json = True

        def __init__(self) -> None:
            self.facts: list[Any] = []

        def load(self) -> list[Any]:
            return []

        def append(self, fact: Any) -> int:
            self.facts.append(fact)
            return len(self.facts)

        def flush(self, position: int) -> None:
            pass

        def sync(self, position: int) -> None:
            pass

        def close(self) -> None:
            pass

    store = Kept()
    with TaskQueue(store=store, maxsize=1) as queue:
        for value in ((1,), float("nan"), "\ud800", nested(500), 10**5_000, Name("x")):
            with pytest.raises(InvalidTask):
                queue.submit(Anything(value))
            with pytest.raises(InvalidTask):
                queue.submit_many([Anything(1), Anything(value)])
        assert store.facts == []
        assert queue.registry.records() == []
        queue.submit(Anything(1), timeout=0)
        assert [fact[0] for fact in store.facts] == ["submitted"]


# -- results


@dataclass
class Returns(Generic[T]):
    """A task whose result type is open."""

    value: Any

    def execute(self) -> list[T]:
        return [self.value]


def result_type(annotation: Any) -> Catalogue:
    """Return a catalogue with one type, `x`, whose execute() has that annotation."""

    @dataclass
    class Task:
        def execute(self) -> None:
            pass

    Task.execute.__annotations__["return"] = annotation
    table = Catalogue()
    table.register("x", Task)
    return table


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, 2**70),
        (float, 0.1),
        (str, "ü"),
        (bool, True),
        (None, None),
        (bytes, b"\xff"),
        (tuple[int, ...], (1, 2)),
        (tuple[int, str], (1, "a")),
        (list[Address], [Address("x"), Address("y", 2)]),
        (dict[str, tuple[int, ...]], {"a": (1,)}),
        (dict[int, str], {1: "a"}),
        (set[int], {1, 2}),
        (Address, Address("x")),
        (Optional[Address], None),  # noqa: UP045
        (Address | None, Address("x")),
        (Color, Color.RED),
        (Pair, Pair(1, 2)),
        (Any, {"a": [1, None, 1.5, "x"]}),
        ("int", 3),
    ],
)
def test_results_come_back_as_annotated(annotation: Any, value: Any) -> None:
    """A result is read back as the type that execute() is annotated with, equal to what it was."""
    table = result_type(annotation)
    back = table.decode_result("x", table.encode_result("x", value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "1"),
        (int, True),
        (int, None),
        (int, 10**5_000),
        (str, Name("x")),
        (str, "\ud800"),
        (float, float("nan")),
        (float, float("inf")),
        (Any, float("nan")),
        (Any, (1, 2)),
        (Any, {1: 2}),
        (Any, Address("x")),
        (Any, object()),
        (Any, b"x"),
        (tuple[int, ...], [1]),
        (Address, {"street": "x", "number": 1}),
        (Address, None),
        (None, 0),
        (Any, nested(MOST.nesting + 1)),
        (Any, nested(10_000)),
        (Any, "x" * MOST.payload),
        (object, Address("x")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_results_that_are_not_storable(annotation: Any, value: Any) -> None:
    """A result that would come back as something else is refused, with the type's name."""
    table = result_type(annotation)
    with pytest.raises(ResultNotStorable, match="result of x") as caught:
        table.encode_result("x", value)
    assert str(caught.value).count("What to do") == 1
    assert len(str(caught.value)) < 1_000


def test_results_of_an_unknown_type() -> None:
    """Without its class, a result is neither written nor read: UnknownTaskType."""
    table = Catalogue()
    with pytest.raises(UnknownTaskType):
        table.encode_result("x", 1)
    with pytest.raises(UnknownTaskType):
        table.decode_result("x", b"1")


@pytest.mark.parametrize("payload", [b'"a"', b"{}", b"", b"[" * 5_000])
def test_a_result_type_that_changed(payload: bytes) -> None:
    """A stored result that no longer fits the annotation says so, and what to restore."""
    error = refused(lambda: result_type(int).decode_result("x", payload), names="no longer fits")
    assert "another return type" in error.hint


def test_a_result_whose_own_code_raises() -> None:
    """A result class that refuses its stored values is reported like any that doesn't fit."""

    @dataclass
    class Picky:
        x: int

        def __post_init__(self) -> None:
            if self.x < 0:
                raise LookupError("negative")

    table = result_type(Picky)
    error = refused(lambda: table.decode_result("x", b'{"x":-1}'), names="negative")
    assert isinstance(error.__cause__, LookupError)


def test_local_names_in_the_return_annotation() -> None:
    """A class inside a function can be the result of a task that is defined beside it."""

    @dataclass
    class Answer:
        text: str

    @task_type("test.local")
    @dataclass
    class Local:
        def execute(self) -> Answer:
            return Answer("x")

    back = catalogue.decode_result("test.local", b'{"text":"a"}')
    assert back == Answer("a")
    assert type(back) is Answer


def test_generic_and_missing_return_annotations() -> None:
    """A type parameter stands for plain JSON; so does an annotation that can't be resolved."""
    table = Catalogue()
    table.register("generic", Returns)
    assert table.decode_result("generic", table.encode_result("generic", [1, "a"])) == [1, "a"]
    for annotation in (T, "Nowhere", Any):
        table = result_type(annotation)
        assert table.decode_result("x", table.encode_result("x", [1, "a"])) == [1, "a"]
        with pytest.raises(ResultNotStorable):
            table.encode_result("x", (1,))

    @dataclass
    class Bare:
        def execute(self):  # type: ignore[no-untyped-def]
            return {"a": 1}

    table.register("bare", Bare)
    assert table.decode_result("bare", b'{"a":1}') == {"a": 1}


# -- properties

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc"\\[{é'), inner),
    max_leaves=20,
)


@pytest.mark.slow
@settings(derandomize=True, deadline=None)
@given(plain)
def test_plain_json_round_trip(value: Any) -> None:
    """Every value that is plain JSON comes back equal, as a field and as a result."""
    payload, twin = catalogue.encode(Anything(value))
    assert twin == Anything(value) == catalogue.decode("test.anything", payload)
    assert json.loads(payload) == {"value": value}
    assert b"\n" not in payload
    result = catalogue.encode_result("test.anything", value)
    assert catalogue.decode_result("test.anything", result) == value


addresses = st.builds(Address, st.text(st.characters(exclude_categories=["Cs"])), st.integers())
orders = st.builds(
    Order,
    st.integers(),
    price=st.floats(allow_nan=False, allow_infinity=False),
    paid=st.booleans(),
    tags=st.lists(st.text(st.characters(exclude_categories=["Cs"]))).map(tuple),
    lines=st.lists(st.integers()),
    address=addresses,
    others=st.lists(addresses).map(tuple),
    note=st.none() | st.text("ab"),
    raw=st.binary(),
    ids=st.frozensets(st.integers()),
)


@settings(derandomize=True, deadline=None)
@given(orders)
def test_typed_round_trip(order: Order) -> None:
    """Every task with values of the annotated types comes back equal from its JSON."""
    payload, twin = catalogue.encode(order)
    assert twin == order == catalogue.decode("test.order", payload)
    assert catalogue.encode(twin)[0] == payload or len(order.ids) > 1


@settings(derandomize=True, deadline=None)
@given(st.binary() | plain.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_give_a_task_or_one_error(payload: bytes) -> None:
    """Whatever bytes come from outside: a task comes out, or an InvalidTask, nothing else."""
    try:
        task = catalogue.decode("test.order", payload)
    except InvalidTask as error:
        assert error.hint  # noqa: PT017 - either outcome is right
    else:
        assert type(task) is Order


def test_modules_can_be_reloaded() -> None:
    """Importing a module anew registers its classes anew, since their names are the same."""
    source = (
        "from dataclasses import dataclass\n"
        "from taskqueue_edu import task_type\n"
        "@task_type('test.reloaded')\n"
        "@dataclass\n"
        "class Task:\n"
        "    def execute(self) -> int: ...\n"
    )
    for _ in range(2):
        module = types.ModuleType("made_up_for_a_test")
        sys.modules[module.__name__] = module
        try:
            exec(source, vars(module))
        finally:
            del sys.modules[module.__name__]
        assert catalogue.get("test.reloaded").cls is module.Task
