package arena;

import scala.Tuple3;
import scienceworld.runtime.AgentInterface;
import scienceworld.runtime.pythonapi.PythonInterface;
import scienceworld.tasks.goals.GoalSequence;

/** One action and all that is asked about it, in one call from Python. */
public final class Turn {
    private static final String SEPARATOR = "\u001f";

    private Turn() {}

    /**
     * Plays an action and returns score, whether the task is completed, its subgoals, and the observation.
     *
     * By the step of the agent's interface. The one around it (PythonInterface.step) adds a look around and an
     * inventory before each step, for a history that nobody reads, and a list of all names for a debug print;
     * but it alone knows the three words that need no parsing.
     */
    public static String play(PythonInterface server, String action) {
        AgentInterface task = server.agentInterface().get();
        String word = action.trim().toLowerCase();
        if (word.equals("help") || word.equals("objects") || word.equals("task")) {
            return unchanged(task, server.step(action));
        }
        Tuple3<String, Object, Object> done;
        try {
            done = task.step(action);
        } catch (RuntimeException | StackOverflowError parserStumbled) {
            return unchanged(task, "");
        }
        return join(task, (Double) done._2(), (Boolean) done._3(), done._1());
    }

    private static String unchanged(AgentInterface task, String observation) {
        GoalSequence goals = task.task().goalSequence();
        return join(task, goals.score(), goals.isCompleted(), observation);
    }

    private static String join(AgentInterface task, double score, boolean completed, String observation) {
        return String.join(
                SEPARATOR,
                Double.toString(score), Boolean.toString(completed), task.getGoalProgressStr(), observation);
    }
}
