-- One row per submission, for the index team only: receipt, verification, consent, what was kept out.
with kept_out as (
    select
        file_sha256,
        city_id,
        year,
        count(*) as n_quarantined
    from core_quarantine
    group by file_sha256, city_id, year
),

remarks as (
    select
        file_sha256,
        city_id,
        year,
        count(*) as n_findings
    from core_findings
    group by file_sha256, city_id, year
)

select
    submission.file_sha256,
    submission.city_id,
    submission.year,
    file.path,
    receipt.received_at,
    receipt.verification_outcome,
    receipt.verified_on,
    receipt.consent,
    coalesce(accepted.is_latest, false) as is_latest,
    coalesce(value_counts.n_values, 0) as n_values,
    coalesce(kept_out.n_quarantined, 0) as n_quarantined,
    coalesce(remarks.n_findings, 0) as n_findings
from raw_submissions as submission
inner join raw_files as file on submission.file_sha256 = file.file_sha256
left join raw_receipts as receipt
    on
        submission.file_sha256 = receipt.file_sha256
        and submission.city_id = receipt.city_id
        and submission.year = receipt.year
left join accepted_submissions as accepted
    on
        submission.file_sha256 = accepted.file_sha256
        and submission.city_id = accepted.city_id
        and submission.year = accepted.year
left join value_counts
    on
        submission.file_sha256 = value_counts.file_sha256
        and submission.city_id = value_counts.city_id
        and submission.year = value_counts.year
left join kept_out
    on
        submission.file_sha256 = kept_out.file_sha256
        and submission.city_id = kept_out.city_id
        and submission.year = kept_out.year
left join remarks
    on
        submission.file_sha256 = remarks.file_sha256
        and submission.city_id = remarks.city_id
        and submission.year = remarks.year
order by submission.file_sha256, submission.city_id, submission.year;
