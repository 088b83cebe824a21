package arena;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectOutputStream;
import java.lang.reflect.Method;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import scala.collection.Iterator;
import scienceworld.actions.PossibleAction;
import scienceworld.input.InputParser;
import scienceworld.runtime.AgentInterface;
import scienceworld.runtime.pythonapi.PythonInterface;
import scienceworld.struct.EnvObject;

/** The simulator's list of valid actions, read without leaving a trace in the episode. */
public final class Listing {
    private static final long SCRAMBLE = 0x5DEECE66DL;

    private Listing() {}

    /** Returns all valid actions, sorted, one a line. */
    public static String all(PythonInterface server) throws Exception {
        return unnoticed(() -> String.join("\n", server.getValidActionObjectCombinations()));
    }

    /**
     * Tells whether the list has this action, by making only the lines that one class of actions writes.
     *
     * lister is that class's name, or empty where none writes lines that begin as the action does.
     */
    public static boolean has(PythonInterface server, String action, String lister) throws Exception {
        AgentInterface task = server.agentInterface().get();
        InputParser parser = task.inputParser();
        if (parser.isInAmbiguousState()) {
            for (int choice = 0; choice < parser.getNumAmbiguousMatches(); choice++) {
                if (action.equals(Integer.toString(choice))) {
                    return true;
                }
            }
            return false;
        }
        return !lister.isEmpty() && unnoticed(() -> find(task, parser, action, lister));
    }

    private static boolean find(AgentInterface task, InputParser parser, String action, String lister)
            throws ReflectiveOperationException {
        EnvObject room = task.getAgentVisibleObjects(false)._2();
        List<EnvObject> found = new ArrayList<>();
        Iterator<EnvObject> each = InputParser.collectObjects(room, false).iterator();
        while (each.hasNext()) {
            found.add(each.next());
        }
        EnvObject[] things = found.toArray(new EnvObject[0]);
        Object names = parser.getAllUniqueReferentsLUTObjList(things, room, true, true);
        for (Method method : Class.forName("scienceworld.actions.Action" + lister).getMethods()) {
            if (method.getName().equals("generatePossibleValidActions")) {
                for (PossibleAction line : (PossibleAction[]) method.invoke(null, task.agent(), things, names)) {
                    if (line.mkHumanReadableStr().equals(action)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    /** Answers a question, and puts the random numbers, which also move the bees, back to where they stood. */
    private static <T> T unnoticed(Callable<T> question) throws Exception {
        Random chance = scala.util.Random$.MODULE$.self();
        long state = state(chance);
        try {
            return question.call();
        } finally {
            // setSeed keeps its argument xored with this
            chance.setSeed(state ^ SCRAMBLE);
        }
    }

    private static long state(Random chance) throws IOException {
        ByteArrayOutputStream written = new ByteArrayOutputStream();
        try (ObjectOutputStream writer = new ObjectOutputStream(written)) {
            writer.writeObject(chance);
        }
        // a flag, a double, the 48 bits of state, an end mark of one byte
        byte[] bytes = written.toByteArray();
        return ByteBuffer.wrap(bytes).getLong(bytes.length - 9);
    }
}
