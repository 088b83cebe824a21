; Changing wheels on a car. AgentBoard's file swaps the types of `in`; here they are as they are used.
(define (domain tyreworld)
  (:requirements :strips :typing)

  (:types
    obj container hub - object
    tool wheel nut - obj)

  (:constants wrench pump jack - tool)

  (:predicates
    (isopen ?container - container)
    (closed ?container - container)
    (have ?thing - obj)
    (in ?thing - obj ?container - container)
    (loose ?nut - nut ?hub - hub)
    (tight ?nut - nut ?hub - hub)
    (unlocked ?container - container)
    (on-ground ?hub - hub)
    (not-on-ground ?hub - hub)
    (inflated ?wheel - wheel)
    (not-inflated ?wheel - wheel)
    (fastened ?hub - hub)
    (unfastened ?hub - hub)
    (free ?hub - hub)
    (on ?wheel - wheel ?hub - hub)
    (intact ?wheel - wheel))

  (:action open
    :parameters (?container - container)
    :precondition (and (unlocked ?container) (closed ?container))
    :effect (and (not (closed ?container)) (isopen ?container)))

  (:action close
    :parameters (?container - container)
    :precondition (isopen ?container)
    :effect (and (not (isopen ?container)) (closed ?container)))

  (:action fetch
    :parameters (?thing - obj ?container - container)
    :precondition (and (in ?thing ?container) (isopen ?container))
    :effect (and (not (in ?thing ?container)) (have ?thing)))

  (:action put-away
    :parameters (?thing - obj ?container - container)
    :precondition (and (have ?thing) (isopen ?container))
    :effect (and (not (have ?thing)) (in ?thing ?container)))

  (:action loosen
    :parameters (?nut - nut ?hub - hub)
    :precondition (and (have wrench) (tight ?nut ?hub) (on-ground ?hub))
    :effect (and (not (tight ?nut ?hub)) (loose ?nut ?hub)))

  (:action tighten
    :parameters (?nut - nut ?hub - hub)
    :precondition (and (have wrench) (loose ?nut ?hub) (on-ground ?hub))
    :effect (and (not (loose ?nut ?hub)) (tight ?nut ?hub)))

  (:action jack-up
    :parameters (?hub - hub)
    :precondition (and (have jack) (on-ground ?hub))
    :effect (and (not (have jack)) (not (on-ground ?hub)) (not-on-ground ?hub)))

  (:action jack-down
    :parameters (?hub - hub)
    :precondition (not-on-ground ?hub)
    :effect (and (not (not-on-ground ?hub)) (on-ground ?hub) (have jack)))

  (:action undo
    :parameters (?nut - nut ?hub - hub)
    :precondition (and (have wrench) (loose ?nut ?hub) (fastened ?hub) (not-on-ground ?hub))
    :effect (and (not (loose ?nut ?hub)) (not (fastened ?hub)) (have ?nut) (unfastened ?hub)))

  (:action do-up
    :parameters (?nut - nut ?hub - hub)
    :precondition (and (have wrench) (have ?nut) (unfastened ?hub) (not-on-ground ?hub))
    :effect (and (not (have ?nut)) (not (unfastened ?hub)) (loose ?nut ?hub) (fastened ?hub)))

  (:action remove-wheel
    :parameters (?wheel - wheel ?hub - hub)
    :precondition (and (on ?wheel ?hub) (unfastened ?hub) (not-on-ground ?hub))
    :effect (and (not (on ?wheel ?hub)) (have ?wheel) (free ?hub)))

  (:action put-on-wheel
    :parameters (?wheel - wheel ?hub - hub)
    :precondition (and (have ?wheel) (free ?hub) (unfastened ?hub) (not-on-ground ?hub))
    :effect (and (not (have ?wheel)) (not (free ?hub)) (on ?wheel ?hub)))

  (:action inflate
    :parameters (?wheel - wheel)
    :precondition (and (have pump) (not-inflated ?wheel) (intact ?wheel))
    :effect (and (not (not-inflated ?wheel)) (inflated ?wheel))))
