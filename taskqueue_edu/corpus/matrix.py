"""Matrices of numbers, as small as they can be."""

from __future__ import annotations


class Matrix:
    """A rectangle of numbers that never changes.

    >>> fibonacci = Matrix([[1, 1], [1, 0]])
    >>> fibonacci**10
    Matrix([[89, 55], [55, 34]])
    """

    def __init__(self, rows: list[list[float]]) -> None:
        if len({len(row) for row in rows}) != 1:
            raise ValueError("every row needs the same length")
        self.rows = tuple(tuple(row) for row in rows)

    @classmethod
    def identity(cls, n: int) -> Matrix:
        return cls([[int(row == column) for column in range(n)] for row in range(n)])

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.rows), len(self.rows[0])

    def transpose(self) -> Matrix:
        """
        >>> Matrix([[1, 2, 3]]).transpose()
        Matrix([[1], [2], [3]])
        """
        return Matrix([list(column) for column in zip(*self.rows)])

    def __matmul__(self, other: Matrix) -> Matrix:
        if self.shape[1] != other.shape[0]:
            raise ValueError(f"{self.shape} and {other.shape} don't fit together")
        columns = other.transpose().rows
        return Matrix(
            [[sum(a * b for a, b in zip(row, column)) for column in columns] for row in self.rows]
        )

    def __pow__(self, exponent: int) -> Matrix:
        """Multiply by squaring: about 2 log2(exponent) products instead of exponent."""
        result, factor = Matrix.identity(len(self.rows)), self
        while exponent:
            if exponent % 2:
                result = result @ factor
            factor = factor @ factor
            exponent //= 2
        return result

    def __repr__(self) -> str:
        return f"Matrix({[list(row) for row in self.rows]})"
