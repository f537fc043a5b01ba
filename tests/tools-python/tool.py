"""A tool component in Python: the interface `acme:crm/customers`, with nothing of abide in it."""

import os

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import customers


class Customers(exports.Customers):
    async def find(self, name, with_tags):
        if name == "Grace":
            tags = ["vip"] if with_tags else []
            email = f"grace@{os.environ.get('CRM_DOMAIN', 'example.com')}"
            return customers.Customer(name, email, tags, customers.Tier.PAID)
        if name == "nobody":
            raise ValueError("a mistake in the tool")
        raise Err(customers.Problem_Unknown(name))
