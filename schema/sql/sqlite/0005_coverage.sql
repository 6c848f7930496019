-- Holds the place of what connections were, which comes with another change.
SELECT 0;
