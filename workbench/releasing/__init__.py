"""From an evaluated variant to production: packages, promotions and their evidence."""
