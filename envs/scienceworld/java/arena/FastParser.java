// Compiled once, and the class files kept beside the sources: users have no compiler. After a change:
//   javac --release 8 -cp SITE-PACKAGES/scienceworld/scienceworld.jar arena/*.java
package arena;

import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import language.model.ActionRequestDef;
import scala.Option;
import scala.Tuple2;
import scala.Tuple4;
import scala.collection.Iterator;
import scienceworld.actions.Action;
import scienceworld.input.InputParser;
import scienceworld.objects.agent.Agent;
import scienceworld.runtime.AgentInterface;
import scienceworld.runtime.pythonapi.PythonInterface;
import scienceworld.struct.EnvObject;
import scienceworld.tasks.goals.GoalSequence;
import scienceworld.tasks.goals.ObjMonitor;

/**
 * The simulator's parser, which works out the names of the visible things once an action.
 *
 * The original does so for each place of each pattern in which a name could stand, half a step's time, and also
 * collects all things of the house, for actions that only the simplification teleportAction has. What is
 * understood, and how, is the same.
 */
public final class FastParser extends InputParser {
    private static final int MOST_REMEMBERED = 20_000;

    private final Map<String, String> stripped = new HashMap<>();
    private EnvObject[] visible;
    private List<List<String>> names;

    public FastParser(ActionRequestDef[] actions) {
        super(actions);
    }

    /** Puts a fast parser in the place of the loaded task's own. */
    public static void install(PythonInterface server) throws ReflectiveOperationException {
        AgentInterface task = server.agentInterface().get();
        Field parser = AgentInterface.class.getDeclaredField("inputParser");
        parser.setAccessible(true);
        parser.set(task, new FastParser(task.actionHandler().getActions()));
    }

    @Override
    public Tuple4<Object, String, String, Option<Action>> parse(
            String input, EnvObject room, EnvObject house, Agent agent, ObjMonitor monitor, GoalSequence goals,
            EnvObject perspective) {
        visible = null;
        return super.parse(input, room, room, agent, monitor, goals, perspective);
    }

    @Override
    public Tuple2<Object, Tuple2<String, EnvObject>[]> matchObj(
            String input, EnvObject[] things, EnvObject perspective) {
        if (things != visible) {
            names = new ArrayList<>(things.length);
            for (EnvObject thing : things) {
                names.add(names(thing, perspective));
            }
            visible = things;
        }
        List<Tuple2<String, EnvObject>> found = new ArrayList<>();
        for (int i = 0; i < things.length; i++) {
            for (String name : names.get(i)) {
                if (input.startsWith(name)) {
                    found.add(new Tuple2<>(input.substring(name.length()).trim(), things[i]));
                }
            }
        }
        @SuppressWarnings("unchecked")
        Tuple2<String, EnvObject>[] matches = found.toArray(new Tuple2[0]);
        return new Tuple2<>(matches.length > 0, matches);
    }

    /** All names of a thing, sorted; matches of equal names are told apart by nobody. */
    private List<String> names(EnvObject thing, EnvObject perspective) {
        List<String> names = new ArrayList<>();
        Iterator<String> all = thing.getReferentsWithContainers(perspective).iterator();
        while (all.hasNext()) {
            names.add(strip(all.next()));
        }
        Collections.sort(names);
        return names;
    }

    private String strip(String name) {
        String known = stripped.get(name);
        if (known == null) {
            if (stripped.size() == MOST_REMEMBERED) {
                stripped.clear();
            }
            known = String.join(" ", InputParser.tokenize(name.toLowerCase()));
            stripped.put(name, known);
        }
        return known;
    }
}
