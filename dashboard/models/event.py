"""The run log: one row per wire event, never changed."""

from django.db import models

from dashboard.models.run import Run


class RunEvent(models.Model):
    """One committed event. `data` is the exact JSON that API clients receive; `seq` counts from 0 without gaps."""

    pk = models.CompositePrimaryKey("run_id", "seq")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="events")
    seq = models.IntegerField()
    type = models.CharField(max_length=40)
    data = models.TextField()

    class Meta:
        ordering = ["run_id", "seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"
