from statistics import mean, quantiles

__all__ = ["mean", "quantiles"]
