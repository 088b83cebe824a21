; Blocks, a table and one arm: the blocks world with four operators.
(define (domain blockworld)
  (:requirements :strips)

  (:predicates
    (clear ?block)
    (on-table ?block)
    (arm-empty)
    (holding ?block)
    (on ?block ?below))

  (:action pickup
    :parameters (?block)
    :precondition (and (arm-empty) (clear ?block) (on-table ?block))
    :effect (and (not (arm-empty)) (not (clear ?block)) (not (on-table ?block)) (holding ?block)))

  (:action putdown
    :parameters (?block)
    :precondition (holding ?block)
    :effect (and (not (holding ?block)) (arm-empty) (clear ?block) (on-table ?block)))

  (:action stack
    :parameters (?block ?below)
    :precondition (and (holding ?block) (clear ?below))
    :effect (and (not (holding ?block)) (not (clear ?below))
                 (arm-empty) (clear ?block) (on ?block ?below)))

  (:action unstack
    :parameters (?block ?below)
    :precondition (and (arm-empty) (clear ?block) (on ?block ?below))
    :effect (and (not (arm-empty)) (not (clear ?block)) (not (on ?block ?below))
                 (clear ?below) (holding ?block))))
