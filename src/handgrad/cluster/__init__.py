"""The same work on several machines, with Ray; needs the extra ``handgrad[ray]``, which nothing else imports."""
