"""The same work on several machines, by Ray; needs the extra ``handgrad[ray]``, and nothing else imports that."""
