"""The queue's end at a cluster: a notified task is taken at once, and one without a notification a little later."""

import pytest
from django.db import connection
from django.db.models.functions import Now
from django_q.models import OrmQ

from builds import broker
from builds.domain.worker_queues import SERVICE, own_queue

NEVER = 3600.0  # what is taken before this has not been found by looking now and then


@pytest.fixture
def queue(transactional_db, settings, monkeypatch):
    """A cluster's broker that has looked, found nothing and waits; it is asked by hand here."""
    settings.CLUSTER = SERVICE
    monkeypatch.setattr(broker, "LOOK_SECONDS", NEVER)
    queue = broker.PostgresBroker(list_key=SERVICE)
    assert queue.dequeue() is None
    monkeypatch.setattr(broker, "WAIT_SECONDS", 30.0)
    yield queue
    queue._stop_listening()


def put_silently(key: str = SERVICE) -> int:
    """Put a task as nobody does who notifies."""
    return OrmQ.objects.create(key=key, payload="silent", lock=Now()).pk


def test_a_task_is_heard_of(queue):
    task_id = queue.enqueue("notified")
    assert queue.dequeue() == [(task_id, "notified")]


def test_a_task_for_this_host_alone_is_heard_of(queue, settings):
    task_id = broker.PostgresBroker(list_key=own_queue(SERVICE, settings.WORKER_HOST)).enqueue("own")
    assert queue.dequeue() == [(task_id, "own")]


def test_tasks_whose_notifications_come_together_are_taken_one_after_the_other(queue):
    put = [(queue.enqueue(f"task {number}"), f"task {number}") for number in range(3)]
    assert [queue.dequeue() for _ in put] == [[task] for task in put]


def test_a_notification_that_comes_with_the_answer_to_a_statement_is_not_missed(queue):
    task_id = queue.enqueue("notified")
    queue._listening.execute("SELECT 1")
    assert queue.dequeue() == [(task_id, "notified")]


def test_a_task_without_a_notification_is_taken_when_it_is_time_to_look(queue, monkeypatch):
    monkeypatch.setattr(broker, "WAIT_SECONDS", 0.1)
    task_id = put_silently()
    assert queue.dequeue() is None
    monkeypatch.setattr(broker, "LOOK_SECONDS", 0.3)
    queue._look_at = 0.0
    assert queue.dequeue() == [(task_id, "silent")]
    assert queue.dequeue() is None
    task_id = put_silently()
    found = next(taken for taken in iter(queue.dequeue, "never") if taken)
    assert found == [(task_id, "silent")]


def test_what_was_put_while_there_was_no_connection_is_taken_with_the_next_one(queue):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [queue._listening.info.backend_pid])
        assert cursor.fetchone() == (True,)
    task_id = put_silently()
    assert queue.dequeue() is None
    assert queue.dequeue() == [(task_id, "silent")]
