"""What `celery -A ledger.worker` loads: it cannot call a factory by itself."""

from ledger import create_app

app = create_app()
