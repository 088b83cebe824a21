; Balls, rooms and a robot with grippers. Untyped, as in AgentBoard's problems: what a thing is, is a fact.
(define (domain gripper)
  (:requirements :strips)

  (:predicates
    (room ?thing)
    (ball ?thing)
    (gripper ?thing)
    (at-robby ?room)
    (at ?ball ?room)
    (free ?gripper)
    (carry ?ball ?gripper))

  (:action move
    :parameters (?from_room ?to_room)
    :precondition (and (room ?from_room) (room ?to_room) (at-robby ?from_room))
    :effect (and (not (at-robby ?from_room)) (at-robby ?to_room)))

  (:action pick
    :parameters (?ball ?room ?gripper)
    :precondition (and (ball ?ball) (room ?room) (gripper ?gripper)
                       (at-robby ?room) (at ?ball ?room) (free ?gripper))
    :effect (and (not (at ?ball ?room)) (not (free ?gripper)) (carry ?ball ?gripper)))

  (:action drop
    :parameters (?ball ?room ?gripper)
    :precondition (and (ball ?ball) (room ?room) (gripper ?gripper)
                       (at-robby ?room) (carry ?ball ?gripper))
    :effect (and (not (carry ?ball ?gripper)) (at ?ball ?room) (free ?gripper))))
