-- What makes the inventory right: evidence for templates, schemas of bodies, noise beside endpoints.
-- Same rules as before: sums, hulls, unions, and no value from traffic.

-- Schemas of bodies. How many objects had a field (arrays for items, calls outside of bodies), and how
-- many of its values were objects: a member of which `present` is the parent's `objects` was in all.
-- At `{key}` and `{name}`, `present` counts names that are not shown yet; `held` counts those of them that
-- turned out to be of a field, at that field.
ALTER TABLE field ADD COLUMN present INTEGER NOT NULL DEFAULT 0;
ALTER TABLE field ADD COLUMN objects INTEGER NOT NULL DEFAULT 0;
ALTER TABLE field ADD COLUMN held    INTEGER NOT NULL DEFAULT 0;
-- Of rows from before it is not known, so that no member of them may ever be called required.
UPDATE field SET objects = calls WHERE place IN ('request-body', 'response-body');
UPDATE field SET present = calls WHERE place NOT IN ('request-body', 'response-body');

-- Calls by status code and media type of the response body.
CREATE TABLE content (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    status      INTEGER NOT NULL,
    media_type  TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    PRIMARY KEY (endpoint_id, status, media_type)
) STRICT, WITHOUT ROWID;

-- Fields with few values, all of them words of the vocabulary that comes with the program: a keyed hash
-- (16 hex digits) of each, and its text once it is shown. None of a field that has any other value.
CREATE TABLE field_value (
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id) ON DELETE CASCADE,
    place       TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    hash        TEXT    NOT NULL,
    word        TEXT,
    PRIMARY KEY (endpoint_id, place, name, hash)
) STRICT, WITHOUT ROWID;
