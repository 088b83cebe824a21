"""The decode loop: a thread that owns the model, and in each step takes every running reply one token on.

A step reads one token of each reply that is being written and a chunk of the prompts that are being read, all
in one forward. A request joins at the next step and leaves at once when its reply ends; nobody waits for
anybody else's reply.
"""

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Sequence
from concurrent.futures import Future

import torch

from arena.engines.base import Completion, FinishReason
from arena.engines.hf_chat import Chat, ReplyText
from arena.engines.hf_forward import Forward, KeptSequence
from arena.engines.hf_row import Job, Row, share_out
from arena.engines.hf_sample import Sampler, best_tokens, describe_choice
from arena.errors import EngineError, OutOfMemory

MOST_GUESSES = 256
"""How many guessed tokens a step reads, in all replies: each costs some arithmetic.

So many that 32 replies are guessed as one alone is: in 16 bits a token is rounded as it is read with others.
"""
MOST_ROWS = 64
"""How many replies are written at the same time; more requests wait for a free row."""
WORTH_SHARING_TOKENS = 32
"""A beginning this much longer in another conversation's cache is copied rather than computed."""
FEW_TOKENS = 16
"""A step of so few tokens waits for memory, not for cores: with half of them it is as fast."""


class DecodeLoop:
    """Completes jobs on a thread of its own. `submit` and `release` may be called from any thread.

    `chunk_tokens`: how many prompt tokens a step reads. `cache_bytes`: memory for key/value caches; caches of
    conversations that wait for their next turn are dropped, the longest unused first, and new requests wait,
    where there is no room. `forward_s` counts the seconds spent in the model.
    """

    def __init__(
        self,
        forward: Forward,
        chat: Chat,
        *,
        stop_ids: frozenset[int],
        context_tokens: int | None,
        chunk_tokens: int,
        cache_bytes: float,
    ) -> None:
        self.forward_s = 0.0
        self._forward = forward
        self._chat = chat
        self._stop_ids = stop_ids
        self._context_tokens = context_tokens
        self._chunk_tokens = chunk_tokens
        self._cache_bytes = cache_bytes
        self._inbox: queue.SimpleQueue[Job | str | None] = queue.SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._rows: list[Row] = []
        self._idle: OrderedDict[str, KeptSequence] = OrderedDict()
        self._cores = torch.get_num_threads()
        self._lock = threading.Lock()
        self._end: EngineError | None = None
        self._thread = threading.Thread(target=self._run, name="hf-decode", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> "Future[Completion]":
        """Ask for a reply; cancelling the future takes it out of the batch. Raises `EngineError`."""
        with self._lock:
            if self._end:
                raise self._end
            self._inbox.put(job)
        return job.future

    def release(self, session: str) -> None:
        """Forget a conversation's cache."""
        self._inbox.put(session)

    def close(self) -> None:
        """Stop the thread; jobs under way fail with `EngineError`."""
        self._inbox.put(None)
        self._thread.join()

    @property
    def kept_bytes(self) -> int:
        """Memory of the caches of conversations that wait for their next turn."""
        return sum(sequence.size_bytes for sequence in list(self._idle.values()))

    def _run(self) -> None:
        end = EngineError("The engine was closed while it was writing.")
        try:
            with torch.inference_mode():
                while self._take_orders():
                    self._admit()
                    self._step()
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            end = EngineError(f"The engine broke: {type(error).__name__}: {error}.")
        with self._lock:
            self._end = end
        while not self._inbox.empty():
            if isinstance(order := self._inbox.get(), Job):
                self._waiting.append(order)
        for job in [*self._waiting, *(row.job for row in self._rows)]:
            _settle(job, end)
        self._waiting.clear()
        self._rows.clear()
        self._idle.clear()

    def _take_orders(self) -> bool:
        """Read the inbox, waiting for it where there is nothing to do; False where the loop should end."""
        while not self._inbox.empty() or not (self._rows or self._waiting):
            order = self._inbox.get()
            if order is None:
                return False
            if isinstance(order, Job):
                self._waiting.append(order)
            else:
                self._idle.pop(order, None)
                for job in [*self._waiting, *(row.job for row in self._rows)]:
                    job.keeps_cache &= job.session != order
        for row in [row for row in self._rows if row.job.future.cancelled()]:
            self._leave(row)
        self._waiting = deque(job for job in self._waiting if not job.future.cancelled())
        return True

    def _admit(self) -> None:
        """Let waiting jobs join, in order of arrival, as far as rows and memory go."""
        held_back: list[Job] = []
        while self._waiting and len(self._rows) < MOST_ROWS:
            job = self._waiting.popleft()
            if self._is_being_read(job):
                held_back.append(job)
            elif self._makes_room(job):
                self._rows.append(self._begin(job))
            else:
                held_back.append(job)
                break
        self._waiting.extendleft(reversed(held_back))

    def _is_being_read(self, job: Job) -> bool:
        """Say whether the beginning of this prompt is being read just now, as that of another one.

        Then it is sooner to wait for it and copy its cache than to read the same tokens side by side.
        """
        if not self._forward.reuses_prefixes:
            return False
        soon = [_common_prefix(row.ids, job.prompt) for row in self._rows if row.unread > 1]
        if not soon:
            return False
        kept = [*self._idle.values(), *(row.sequence for row in self._rows)]
        here = max(_common_prefix(sequence.tokens, job.prompt) for sequence in kept)
        return max(soon) >= here + WORTH_SHARING_TOKENS

    def _makes_room(self, job: Job) -> bool:
        """Drop idle caches until the job's fits; False where it does not even so. One job always may run."""
        if job.session in self._idle:
            self._idle.move_to_end(job.session)
        needed = self._needed_bytes([*(row.job for row in self._rows), job])
        self._drop_idle(needed)
        return needed <= self._cache_bytes or not self._rows

    def _needed_bytes(self, jobs: Sequence[Job]) -> float:
        tokens = sum(len(job.prompt) + self._most_tokens(job) for job in jobs)
        return tokens * self._forward.bytes_per_token

    def _drop_idle(self, needed_bytes: float) -> None:
        """Drop idle caches, the longest unused first, while they leave less than that to running jobs."""
        kept_bytes = self.kept_bytes
        while self._idle and needed_bytes + kept_bytes > self._cache_bytes:
            _, sequence = self._idle.popitem(last=False)
            kept_bytes -= sequence.size_bytes

    def _most_tokens(self, job: Job) -> int:
        """Return how long the reply may become: what was asked for, within the context window."""
        most = job.sampling.max_tokens
        if self._context_tokens:
            most = min(most, self._context_tokens - len(job.prompt))
        return max(1, most)

    def _begin(self, job: Job) -> Row:
        prompt = list(job.prompt)
        sequence, cached = self._recall(job.session, prompt[:-1])
        return Row(
            job=job,
            sequence=sequence,
            sampler=Sampler.of(job.sampling, job.seed),
            text=ReplyText(self._chat, job.stops, job.on_text),
            most_tokens=self._most_tokens(job),
            cached_tokens=cached,
            ids=prompt,
        )

    def _recall(self, session: str, prompt: list[int]) -> tuple[KeptSequence, int]:
        """Return a sequence that has read as much of the prompt as any cache holds, and how much that is."""
        own = self._idle.pop(session, None) or self._forward.new_sequence()
        own_length = _common_prefix(own.tokens, prompt)
        if self._forward.reuses_prefixes:
            others = [*self._idle.values(), *(row.sequence for row in self._rows)]
            lengths = [_common_prefix(other.tokens, prompt) for other in others]
            longest = max(lengths, default=0)
            if longest >= own_length + WORTH_SHARING_TOKENS:
                return others[lengths.index(longest)].copy(longest), longest
        own.crop(own_length)
        return own, len(own.tokens)

    def _step(self) -> None:
        if not self._rows:
            return
        writing = [row for row in self._rows if row.unread == 1]
        if self._forward.reuses_prefixes:
            for row in writing:
                room = row.most_tokens - len(row.reply) - 1
                row.guessed = row.guesser.guess(min(room, MOST_GUESSES // len(writing)))
        work = [(row, 1) for row in writing]
        work += share_out(self._chunk_tokens, [row for row in self._rows if row.unread > 1])
        read = [(row, logits) for row, logits in self._read(work) if row.unread <= 0]
        if not read:
            return
        best = iter(best_tokens(torch.cat([logits for _, logits in read])))
        for row, logits in read:
            greedy = [next(best) for _ in range(len(logits))]
            try:
                self._take(row, logits, greedy)
            except Exception as error:  # noqa: BLE001 - one reply must not take the others with it
                self._fail(row, error)

    def _read(self, work: Sequence[tuple[Row, int]]) -> list[tuple[Row, torch.Tensor]]:
        """Read `count` tokens of each row, and guesses; returns the logits after the last and each guess.

        A step that fails (out of memory, above all) is taken again, without guesses and then in halves; a row
        that fails alone is out.
        """
        began = time.perf_counter()
        pairs = [(row.sequence, row.next_ids(count)) for row, count in work]
        wanted = [1 + len(new) - count for (_, new), (_, count) in zip(pairs, work, strict=True)]
        if sum(len(new) for _, new in pairs) <= FEW_TOKENS:
            torch.set_num_threads(max(1, self._cores // 2))
        try:
            logits = self._forward.step(pairs, wanted).split(wanted)
            return [(row, of_row) for (row, _), of_row in zip(work, logits, strict=True)]
        except Exception as error:  # noqa: BLE001 - see above
            # without its traceback, which would hold the tensors of the failed step
            failure: Exception = error.with_traceback(None)
        finally:
            torch.set_num_threads(self._cores)
            self.forward_s += time.perf_counter() - began
        if _is_memory(failure):
            self._idle.clear()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        if any(row.guessed for row, _ in work):
            for row, _ in work:
                row.guessed = []
            return self._read(work)
        if len(work) > 1:
            middle = len(work) // 2
            return self._read(work[:middle]) + self._read(work[middle:])
        row, count = work[0]
        if _is_memory(failure) and count > 1:
            return self._read([(row, count // 2)])
        self._fail(row, failure)
        return []

    def _take(self, row: Row, logits: torch.Tensor, greedy: Sequence[int | None]) -> None:
        """Write what the model says [1 + guesses, vocabulary], as far as it goes on as was guessed."""
        guessed, right = row.guessed, 0
        for place, best in enumerate(greedy):
            token = self._choose(row, logits[place], best)
            goes_on = place < len(guessed) and token == guessed[place]
            if self._write(row, token, logits[place]):
                return
            if not goes_on:
                break
            right += 1
        row.guesser.learn(len(guessed), right)
        row.forget_guesses()

    def _choose(self, row: Row, logits: torch.Tensor, best: int | None) -> int | None:
        """Return a row's next token; None where logits are not numbers."""
        if row.job.constraint:
            logits = row.job.constraint.allowed(logits)
            (best,) = best_tokens(logits[None])
        return best if best is None or not row.sampler.generator else row.sampler.sample(logits)

    def _write(self, row: Row, token: int | None, logits: torch.Tensor) -> bool:
        """Add a token to a row's reply; True where the reply ends with it."""
        if token is None:
            raise EngineError(
                "The model's output is not a number: the checkpoint is broken, or its numbers overflow.",
                "Try the option dtype=float32.",
            )
        if row.job.sampling.top_logprobs:
            choice = describe_choice(logits, token, row.job.sampling.top_logprobs, self._chat.token_text)
            row.choices.append(choice)
        if row.job.constraint:
            row.job.constraint.take(token)
        row.ids.append(token)
        if token in self._stop_ids:
            row.text.finish(cut=False)
            self._complete(row, "stop")
        elif row.text.add(token):
            self._complete(row, "stop")
        elif len(row.reply) >= row.most_tokens:
            self._complete(row, "stop" if row.text.finish(cut=True) else "length")
        else:
            return False
        return True

    def _complete(self, row: Row, reason: FinishReason) -> None:
        completion = Completion(
            text=row.text.text,
            finish_reason=reason,
            prompt_tokens=len(row.job.prompt),
            completion_tokens=len(row.reply),
            cached_tokens=row.cached_tokens,
            latency_s=time.perf_counter() - row.job.asked_at,
            token_ids=tuple(row.reply),
            choices=tuple(row.choices),
        )
        self._leave(row)
        _settle(row.job, completion)

    def _fail(self, row: Row, error: Exception) -> None:
        row.job.keeps_cache = False
        self._leave(row)
        _settle(row.job, error if isinstance(error, EngineError) else _engine_error(row.job, error))

    def _leave(self, row: Row) -> None:
        """Take a row out of the batch and keep its cache for the next turn."""
        row.forget_guesses()
        self._rows.remove(row)
        if row.job.keeps_cache:
            self._idle[row.job.session] = row.sequence
            self._idle.move_to_end(row.job.session)
            self._drop_idle(self._needed_bytes([row.job for row in self._rows]))


def _common_prefix(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many tokens two sequences begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:  # comparing slices is much faster than comparing tokens one by one
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _settle(job: Job, result: Completion | EngineError) -> None:
    if not job.future.set_running_or_notify_cancel():
        return
    if isinstance(result, EngineError):
        job.future.set_exception(result)
    else:
        job.future.set_result(result)


def _engine_error(job: Job, error: Exception) -> EngineError:
    if _is_memory(error):
        return OutOfMemory(
            f"There is not enough memory for a conversation of {len(job.prompt)} tokens.",
            "Use a smaller model, a 16-bit dtype, or the setting context_tokens.",
        )
    return EngineError(f"The reply failed: {type(error).__name__}: {error}.")


def _is_memory(error: Exception) -> bool:
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
