"""The fetcher: many small requests to a public service, politely, safely, and never one of them twice."""
