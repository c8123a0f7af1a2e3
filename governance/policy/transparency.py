"""What a transparency record needs that only the tool's owner can say; a ROCU writes it into its policy file.

What is not written there is shown as missing in the draft, never filled in. Values only.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Assessment(BaseModel):
    """An impact assessment that was made, and where it can be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    date: str = Field(min_length=1, description="when it was completed, as YYYY-MM-DD")
    description: str = ""
    link: str = ""


class TransparencyFacts(BaseModel):
    """The owner's part of a record by the Algorithmic Transparency Recording Standard."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    website: str | None = Field(default=None, description="page with more about the tool")
    contact_email: str | None = Field(default=None, description="whom the public can ask")
    organisation: str | None = Field(default=None, description="who carries responsibility for its use")
    team: str | None = None
    senior_responsible_owner: str | None = Field(default=None, description="role title")
    third_parties: str | None = Field(default=None, description="suppliers, or that there are none")
    company_numbers: str | None = Field(default=None, description="Companies House numbers of the suppliers")
    third_party_role: str | None = None
    procurement: str | None = Field(default=None, description="procedure type")
    third_party_access: str | None = Field(default=None, description="terms of suppliers' access to data")
    benefits: str | None = None
    previous_process: str | None = None
    alternatives_considered: str | None = None
    operational_process: str | None = Field(default=None, description="what happens with a list in this region")
    required_training: str | None = None
    appeals_and_review: str | None = None
    development_data_sharing: str | None = Field(default=None, description="agreements for the training data")
    operational_data_sharing: str | None = Field(default=None, description="agreements for the reads scored")
    impact_assessments: tuple[Assessment, ...] = ()
    risks_and_mitigations: str | None = Field(default=None, description="beside those that the product measures")
