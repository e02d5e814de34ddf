"""The rehearsal company's shop: what ever happens in it, and what a sync of it brings.

SQL for DuckDB alone: masters hold all rows with the moments at which they change, views cut them
at the variable ``synced_at``.
"""

from __future__ import annotations

from typing import NamedTuple

_FIRST_CUSTOMERS, _CUSTOMERS_PER_DAY = 1150, 8
_ORDERS_PER_DAY = 40
_PRODUCTS = 160

_DAY = "epoch_us(cast(day as timestamptz))"

SHOP_MASTERS = (
    # People sign up more on busy days.
    f"""
    create or replace table customers_ever as
    with born as (
        select (select min({_DAY}) from calendar) - 1 as born, 0 as day_number, n as within
        from range({_FIRST_CUSTOMERS}) as r(n)
        union all
        select {_DAY} + cast(86400e6 * chance('signup', day_number * 1000 + n) as bigint),
            day_number, n
        from (select *, row_number() over (order by day) as day_number from calendar),
            range(cast(round({_CUSTOMERS_PER_DAY} * busy) as bigint)) as r(n)
    )
    select row_number() over (order by born, within) as id, make_timestamptz(born) as born
    from born
    """,
    f"""
    create or replace table products_ever as
    select n + 1 as id,
        case when n < {_PRODUCTS} then (select min(cast(day as timestamptz)) from calendar)
        else (select min(cast(day as timestamptz)) from calendar)
            + to_days(cast(3 * (n - {_PRODUCTS}) as integer)) end as born,
        cast(round(1.99 + 120 * pow(chance('price', n), 2), 2) as decimal(12, 2)) as price
    from range({_PRODUCTS + 200}) as r(n)
    """,
    f"""
    create or replace table orders_ever as
    with placed as (
        select row_number() over (order by moment) as id, moment
        from (
            select {_DAY}
                + cast(86400e6 * chance('moment', day_number * 10000 + n) as bigint) as moment
            from (select *, row_number() over (order by day) as day_number from calendar),
                range(cast(round({_ORDERS_PER_DAY} * busy) as bigint)) as r(n)
        )
    ),
    joined as (
        select placed.*, known.customers
        from placed asof join
            (select epoch_us(born) as born, id as customers from customers_ever) as known
            on placed.moment >= known.born
    )
    select id, make_timestamptz(moment) as placed_at,
        1 + cast(floor(customers * chance('customer', id)) as bigint) as customer_id,
        make_timestamptz(moment + cast(3600e6 * chance('pays', id) as bigint)) as paid_at,
        make_timestamptz(moment + cast(86400e6 * (0.5 + 2 * chance('ships', id)) as bigint))
            as shipped_at,
        make_timestamptz(moment + cast(86400e6 * (3 + 3 * chance('comes', id)) as bigint))
            as delivered_at,
        make_timestamptz(moment + cast(86400e6 * (7 + 5 * chance('back', id)) as bigint))
            as returned_at,
        chance('fate', id) < 0.05 as cancelled,
        chance('fate', id) > 0.96 as returned,
        if(chance('currency', id) < 0.25, 'USD', 'EUR') as currency
    from joined
    """,
    """
    create or replace table items_ever as
    select orders.id as order_id, cast(n + 1 as integer) as line_number,
        orders.placed_at, products.id as product_id, products.price as unit_price,
        cast(1 + floor(4 * pow(chance('pieces', orders.id * 10 + n), 2)) as integer) as quantity,
        cast(if(chance('discount', orders.id * 10 + n) < 0.1, 0.1, 0) as decimal(5, 4)) as discount
    from orders_ever as orders,
        range(1 + cast(floor(3 * chance('lines', orders.id)) as bigint)) as r(n),
        products_ever as products
    where products.id = 1 + cast(floor(160 * chance('product', orders.id * 10 + n)) as bigint)
    """,
    """
    create or replace table totals_ever as
    select order_id,
        cast(sum(round(quantity * unit_price * (1 - discount), 2)) as decimal(14, 2)) as total
    from items_ever group by order_id
    """,
)

#: When a sync each day, at the hour of the last one, first saw a change.
SYNCED = """getvariable('synced_at') - to_days(cast(floor(
    (epoch(getvariable('synced_at')) - epoch(updated_at)) / 86400) as integer))"""
SYNC_COLUMNS = f"{SYNCED} as _fivetran_synced, false as _fivetran_deleted"
_FIRST = "['Anna', 'Ben', 'Clara', 'David', 'Elena', 'Felix', 'Greta', 'Hugo', 'José', 'Zoë']"
_LAST = "['Müller', 'Schmidt', 'Weber', 'Dupont', 'Rossi', 'García', 'Smith', 'Nguyen', 'Patel']"
_CITIES = "['Berlin', 'Hamburg', 'München', 'Paris', 'Orléans', 'Madrid', 'Roma', 'Boston']"
_COUNTRIES = "['DE', 'DE', 'DE', 'FR', 'FR', 'NL', 'ES', 'IT', 'US', 'US']"
FIRST_NAME, LAST_NAME = f"pick({_FIRST}, 'first', id)", f"pick({_LAST}, 'last', id)"
CITY = f"pick({_CITIES}, 'city', id)"
EMAIL = "'person' || id || '@example.com'"
PHONE = "'+49' || cast(3000000000 + cast(floor(1e8 * chance('phone', id)) as bigint) as varchar)"
COUNTRY = f"pick({_COUNTRIES}, 'country', id)"


class Rows(NamedTuple):
    """A raw table: all rows that it will ever hold, and what is seen of them at a moment.

    Attributes:
        ever: a select; its column ``born`` says when a row appears.
        seen: a select from ``{rows}``.
    """

    ever: str
    seen: str


def _past(moment: str) -> str:
    return f"{moment} <= getvariable('synced_at')"


def _synced(select: str) -> Rows:
    return Rows(
        select,
        f"select * exclude (born), {SYNC_COLUMNS} from {{rows}} where {_past('born')}",
    )


SHOP_TABLES = {
    "raw_postgres_public.customers": _synced(f"""
        select id as customer_id, {EMAIL} as email, {FIRST_NAME} as first_name,
            {LAST_NAME} as last_name, if(chance('no phone', id) < 0.05, null, {PHONE}) as phone,
            {COUNTRY} as country,
            case when chance('status', id) < 0.08 then 'inactive'
                when chance('status', id) < 0.13 then 'prospect' else 'active' end as status,
            if(chance('asked', id) < 0.1, null, chance('opts', id) < 0.4) as marketing_opt_in,
            if(chance('prefers', id) < 0.15, null,
                json_object('channel', pick(['mail', 'phone', 'post'], 'channel', id)))
                as preferences,
            cast('["' || pick(['vip', 'newsletter', 'wholesale'], 'tags', id) || '"]' as json)
                as tags,
            born as created_at, born as updated_at, born
        from customers_ever"""),
    "raw_postgres_public.addresses": _synced(f"""
        select id as customer_id, kind,
            pick(['Main Street', 'Lindenallee', 'Calle Mayor', 'Via Roma'], 'street', id) || ' '
                || cast(1 + floor(180 * chance('number', id)) as integer) as street,
            {CITY} as city,
            cast(10000 + cast(floor(89999 * chance('postal', id)) as integer) as varchar)
                as postal_code,
            {COUNTRY} as country, born as updated_at, born
        from customers_ever, (values ('billing'), ('shipping')) as kinds(kind)
        where kind = 'billing' or chance('elsewhere', id) < 0.6"""),
    "raw_postgres_public.products": _synced("""
        select cast(id as integer) as product_id,
            'SKU-' || lpad(cast(id as varchar), 6, '0') as sku,
            pick(['Plain', 'Bright', 'Quiet', 'Nordic', 'Rustic'], 'adjective', id) || ' '
                || pick(['Kettle', 'Lamp', 'Basket', 'Mug', 'Tray'], 'ware', id) as name,
            pick(['Coffee', 'Tea', 'Kitchen', 'Garden', 'Lamps', 'Toys'], 'category', id)
                as category,
            price, if(chance('dollars', id) < 0.3, 'USD', 'EUR') as currency,
            json_object('weight_grams', cast(50 + floor(5000 * chance('weight', id)) as integer))
                as attributes,
            chance('gone', id) < 0.05 as discontinued, born as created_at, born as updated_at,
            born
        from products_ever"""),
    "raw_postgres_public.orders": Rows(
        """
        select *, total as total_amount, if(chance('note', id) < 0.05,
                pick(['Ring twice', 'Gift'], 'words', id), null) as note,
            if(currency = 'USD', 'America/New_York', 'Europe/Berlin') as time_zone
        from orders_ever join totals_ever on id = order_id""",
        f"""
        select *, {SYNC_COLUMNS} from (
            select id as order_id, customer_id,
                case when cancelled and {_past("paid_at")} then 'cancelled'
                    when returned and {_past("returned_at")} then 'returned'
                    when cancelled or not {_past("paid_at")} then 'placed'
                    when {_past("delivered_at")} then 'delivered'
                    when {_past("shipped_at")} then 'shipped' else 'paid' end as status,
                currency, total_amount, placed_at as ordered_at, time_zone,
                if(not cancelled and {_past("shipped_at")}, shipped_at, null) as shipped_at, note,
                greatest(placed_at, if({_past("paid_at")}, paid_at, null),
                    if(not cancelled and {_past("shipped_at")}, shipped_at, null),
                    if(not cancelled and {_past("delivered_at")}, delivered_at, null),
                    if(returned and {_past("returned_at")}, returned_at, null)) as updated_at
            from {{rows}} where {_past("placed_at")})""",
    ),
    "raw_postgres_public.order_items": _synced("""
        select order_id, line_number, cast(product_id as integer) as product_id, quantity,
            unit_price, discount, placed_at as updated_at, placed_at as born
        from items_ever"""),
    "raw_postgres_public.payments": _synced("""
        select id as order_id,
            pick(['card', 'card', 'card', 'bank_transfer', 'paypal', 'cash'], 'method', id)
                as method,
            total as amount, currency, paid_at, 'PAY-' || md5(cast(id as varchar)) as reference,
            paid_at as updated_at, md5('payment' || id) as _fivetran_id, paid_at as born
        from orders_ever join totals_ever on id = order_id where not cancelled"""),
}
