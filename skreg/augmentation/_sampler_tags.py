"""The tags that imbalanced-learn reads of a resampler, made without importing it."""

from dataclasses import dataclass, field

from sklearn.utils import InputTags, Tags


@dataclass(slots=True)
class SamplerTags:
    """The tags of a resampler for imbalanced-learn."""

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
