"""A bank account that counts in cents, so that no rounding loses money."""


class Overdrawn(Exception):
    """The account holds less than was asked for."""


class Account:
    """One person's money.

    >>> account = Account("Ada", 100)
    >>> account.deposit(50)
    >>> account.balance
    150
    >>> account.withdraw(200)
    Traceback (most recent call last):
    ...
    account.Overdrawn: Ada has 150, not 200
    """

    def __init__(self, owner: str, balance: int = 0) -> None:
        self.owner = owner
        self._balance = balance

    @property
    def balance(self) -> int:
        return self._balance

    def deposit(self, cents: int) -> None:
        if cents <= 0:
            raise ValueError("a deposit must be positive")
        self._balance += cents

    def withdraw(self, cents: int) -> None:
        if cents <= 0:
            raise ValueError("a withdrawal must be positive")
        if cents > self._balance:
            raise Overdrawn(f"{self.owner} has {self._balance}, not {cents}")
        self._balance -= cents


def transfer(source: Account, target: Account, cents: int) -> None:
    """Move money; if the source has too little, neither account changes.

    >>> rich, poor = Account("Rich", 1000), Account("Poor")
    >>> transfer(rich, poor, 400)
    >>> rich.balance, poor.balance
    (600, 400)
    """
    source.withdraw(cents)
    target.deposit(cents)
