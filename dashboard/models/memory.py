"""What a run remembers of its completed steps: the checkpoint it continues from."""

from django.db import models

from dashboard.models.fields import JSONText
from dashboard.models.run import Run


class StepMemory(models.Model):
    """One completed step, stored in the transaction of its `step_complete`. Such a step is never executed again."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="memories")
    key = models.CharField(max_length=400)
    body = JSONText()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="memory_once_per_step")]

    def __str__(self) -> str:
        return self.key
