"""The rehearsal company's CRM and community site, as ``company_shop`` does for its shop."""

from __future__ import annotations

from dataplatform.rehearsal.company_shop import (
    CITY,
    COUNTRY,
    EMAIL,
    FIRST_NAME,
    LAST_NAME,
    PHONE,
    SYNC_COLUMNS,
    SYNCED,
    Rows,
)


def _growing(name: str, first: int, per_day: float) -> str:
    """A table of numbers and moments: so many at the start, so many each average day."""
    day = "epoch_us(cast(day as timestamptz))"
    return f"""
    create or replace table {name}_ever as
    with born as (
        select (select min({day}) from calendar) - 1 as born, n as within
        from range({first}) as r(n)
        union all
        select {day} + cast(86400e6 * chance('{name}', day_number * 1000 + n) as bigint), n
        from (select *, row_number() over (order by day) as day_number from calendar),
            range(cast(floor({per_day} * busy + chance('{name} more', day_number)) as bigint))
                as r(n)
    )
    select row_number() over (order by born, within) as id, make_timestamptz(born) as born
    from born
    """


OTHER_MASTERS = (
    _growing("accounts", 140, 5),
    _growing("opportunities", 300, 9),
    _growing("leads", 500, 12),
    _growing("users", 100, 8),
    _growing("posts", 400, 10),
    _growing("comments", 1600, 32),
)


def _crm(select: str) -> Rows:
    return Rows(
        select,
        f"select * exclude (born, updated_at), {SYNC_COLUMNS} from {{rows}} "
        "where born <= getvariable('synced_at')",
    )


def _file(table: str, select: str) -> Rows:
    """Rows of the lake's objects: the daily sync reads a file a day, and nothing is deleted."""
    return Rows(
        select,
        f"""
        select * exclude (updated_at, born),
            'community/{table}/date=' || strftime(_modified, '%Y-%m-%d') || '/rows.jsonl' as _file,
            row_number() over (partition by _modified order by id) as _line,
            _modified as _fivetran_synced
        from (select *, {SYNCED} as _modified from {{rows}}
            where born <= getvariable('synced_at'))""",
    )


def _id(prefix: str, number: str = "id") -> str:
    return f"'{prefix}' || lpad(cast({number} as varchar), 15, '0')"


OTHER_TABLES = {
    "raw_salesforce.account": _crm(f"""
        select {_id("001")} as id,
            pick(['North', 'Blue', 'Stone', 'River', 'Oak'], 'word', id) || ' '
                || pick(['GmbH', 'Ltd', 'Inc.', 'Group'], 'kind', id) || ' ' || id as name,
            pick(['Retail', 'Hospitality', 'Education', 'Technology'], 'industry', id) as industry,
            {COUNTRY} as billing_country,
            cast(round(1e5 + 4e6 * chance('revenue', id)) as double) as annual_revenue,
            {_id("005", "1 + id % 7")} as owner_id, false as is_deleted, born as created_date,
            born as system_modstamp, born as updated_at, born
        from accounts_ever"""),
    "raw_salesforce.contact": _crm(f"""
        select {_id("003")} as id, {_id("001", "1 + id % 140")} as account_id,
            {FIRST_NAME} as first_name, {LAST_NAME} as last_name, {EMAIL} as email,
            {PHONE} as phone,
            date '1950-01-01' + cast(floor(18000 * chance('birth', id)) as integer) as birthdate,
            cast(id as varchar) as customer_external_id_c, {CITY} as mailing_city,
            false as is_deleted, born as created_date, born as last_modified_date,
            born as system_modstamp, born as updated_at, born
        from customers_ever where chance('in crm', id) < 0.95"""),
    "raw_salesforce.opportunity": _crm(f"""
        select {_id("006")} as id, {_id("001", "1 + id % 140")} as account_id,
            'Deal ' || id as name,
            pick(['Prospecting', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost'],
                'stage', id) as stage_name,
            cast(round(500 + 40000 * pow(chance('amount', id), 2), 2) as double) as amount,
            if(chance('usd', id) < 0.25, 'USD', 'EUR') as currency_iso_code,
            cast(born as date) + cast(30 + floor(60 * chance('close', id)) as integer)
                as close_date,
            pick(['Prospecting', 'Proposal', 'Negotiation', 'Closed Won', 'Closed Lost'],
                'stage', id) = 'Closed Won' as is_won,
            starts_with(pick(['Prospecting', 'Proposal', 'Negotiation', 'Closed Won',
                'Closed Lost'], 'stage', id), 'Closed') as is_closed,
            false as is_deleted, born as created_date, born as system_modstamp,
            born as updated_at, born
        from opportunities_ever"""),
    "raw_salesforce.lead": _crm(f"""
        select {_id("00Q")} as id, {FIRST_NAME} as first_name, {LAST_NAME} as last_name,
            'lead' || id || '@example.org' as email, {PHONE} as phone,
            pick(['North', 'Blue', 'Stone', 'River', 'Oak'], 'firm', id) || ' Ltd' as company,
            pick(['Open', 'Contacted', 'Qualified', 'Unqualified'], 'state', id) as status,
            pick(['Web', 'Fair', 'Referral', 'Advertisement'], 'from', id) as lead_source,
            chance('converted', id) < 0.2 as is_converted, false as is_deleted,
            born as created_date, born as system_modstamp, born as updated_at, born
        from leads_ever"""),
    "raw_community.users": _file(
        "users",
        f"""
        select id, {FIRST_NAME} || ' ' || {LAST_NAME} as name, 'user' || id as username,
            'user' || id || '@example.net' as email,
            json_object('street', 'Main Street', 'city', {CITY}, 'zipcode', '10115',
                'geo', json_object('lat', '52.5', 'lng', '13.4')) as address,
            {PHONE} as phone, 'user' || id || '.example.com' as website,
            json_object('name', pick(['North', 'Blue', 'Oak'], 'firm', id)) as company,
            born as updated_at, born
        from users_ever""",
    ),
    "raw_community.posts": _file(
        "posts",
        """
        select 1 + cast(floor(100 * chance('author', id)) as bigint) as user_id, id,
            'About ' || pick(['coffee', 'delivery', 'my garden', 'prices'], 'topic', id) as title,
            'It ' || pick(['brews well', 'arrived late', 'broke once'], 'body', id) as body,
            born as updated_at, born
        from posts_ever""",
    ),
    "raw_community.comments": _file(
        "comments",
        """
        select 1 + cast(floor(400 * chance('post', id)) as bigint) as post_id, id,
            'Re: ' || pick(['coffee', 'delivery', 'prices'], 'subject', id) as name,
            'reader' || cast(floor(500 * chance('reader', id)) as integer) || '@example.org'
                as email,
            'I ' || pick(['agree', 'doubt it', 'like it'], 'says', id) as body,
            born as updated_at, born
        from comments_ever""",
    ),
}
