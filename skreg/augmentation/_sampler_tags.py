"""The tags imbalanced-learn reads, in the shape it reads them, without importing it."""

from dataclasses import dataclass, field

from sklearn.utils import InputTags, Tags


@dataclass(slots=True)
class SamplerTags:
    """What imbalanced-learn wants to know about a resampler."""

    sample_indices: bool = True


@dataclass(slots=True)
class ResamplerInputTags(InputTags):
    """scikit-learn's input tags and whether dataframes are accepted."""

    dataframe: bool = True


@dataclass(slots=True)
class ResamplerTags(Tags):
    """scikit-learn's tags and those of a resampler."""

    input_tags: InputTags = field(default_factory=ResamplerInputTags)
    sampler_tags: SamplerTags = field(default_factory=SamplerTags)
